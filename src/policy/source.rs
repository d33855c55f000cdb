//! The policies of a layer in Cedar syntax.

use serde::{Deserialize, Serialize};

/// One policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct PolicySource<'a> {
    /// The policy's `@id`.
    pub id: &'a str,
    /// The policy's text.
    pub source: &'a str,
}

/// A list of policies.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Policies(Vec<OwnedPolicy>);

/// A policy without spare capacity: a bundle can have a hundred thousand.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a policy")]
struct OwnedPolicy {
    id: Box<str>,
    source: Box<str>,
}

impl Policies {
    /// Appends a policy.
    pub fn push(&mut self, policy: PolicySource<'_>) {
        self.0.push(OwnedPolicy { id: policy.id.into(), source: policy.source.into() });
    }

    /// The policy at a position.
    pub fn get(&self, position: usize) -> Option<PolicySource<'_>> {
        self.0.get(position).map(OwnedPolicy::as_source)
    }

    /// All policies in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = PolicySource<'_>> {
        self.0.iter().map(OwnedPolicy::as_source)
    }

    /// The number of policies.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl OwnedPolicy {
    fn as_source(&self) -> PolicySource<'_> {
        PolicySource { id: &self.id, source: &self.source }
    }
}

impl<'a> FromIterator<PolicySource<'a>> for Policies {
    fn from_iter<I: IntoIterator<Item = PolicySource<'a>>>(policies: I) -> Self {
        let mut all = Self::default();
        policies.into_iter().for_each(|policy| all.push(policy));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_what_was_pushed() {
        let texts: Vec<String> = (0..2_000).map(|n| format!("// {n} é\n").repeat(n % 40)).collect();
        let written: Vec<_> =
            texts.iter().map(|source| PolicySource { id: source, source }).collect();
        let policies: Policies = written.iter().copied().collect();
        assert!(policies.iter().eq(written.iter().copied()));
        assert_eq!(policies.len(), written.len());
        assert_eq!(policies.get(1_999), Some(written[1_999]));
        assert_eq!(policies.get(2_000), None);
        let json = serde_json::to_string(&policies).unwrap();
        let read: Policies = serde_json::from_str(&json).unwrap();
        assert!(read.iter().eq(written));
    }

    #[test]
    fn a_policy_has_an_id_and_a_text_and_nothing_else() {
        let read = |text: &str| serde_json::from_str::<Policies>(text);
        let [policy] = [r#"{"source": "permit \"\u0061\n\"", "id": "\/p"}"#];
        let policies = read(&format!("[{policy}]")).unwrap();
        assert_eq!(policies.get(0), Some(PolicySource { id: "/p", source: "permit \"a\n\"" }));
        for (odd, message) in [
            (r#"[{"id": "p"}]"#, "missing field `source`"),
            (r#"[{"source": ""}]"#, "missing field `id`"),
            (r#"[{"id": "", "source": "", "id": ""}]"#, "duplicate field `id`"),
            (r#"[{"id": "", "source": "", "Id": ""}]"#, "unknown field `Id`"),
            (r#"[{"id": "", "source": null}]"#, "invalid type: null, expected a string"),
            (r#"["p"]"#, "invalid type: string \"p\", expected a policy"),
            (r#"{"id": "", "source": ""}"#, "expected a sequence"),
        ] {
            let error = read(odd).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
