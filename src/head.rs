//! The header fields of one HTTP request, with strict access.

/// Header fields of a request in the order received, including HTTP/2 pseudo-header fields. Names
/// are in lower case, as Envoy provides them.
#[derive(Clone, Debug, Default)]
pub struct Head {
    fields: Vec<(String, Vec<u8>)>,
}

/// Why a header field has no single value.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum FieldError {
    /// The field occurs more than once.
    #[error("header `{0}` is repeated")]
    Repeated(String),
    /// The value is not UTF-8.
    #[error("header `{0}` is not valid text")]
    NotText(String),
}

impl Head {
    /// Creates a head from fields.
    pub fn new(fields: Vec<(String, Vec<u8>)>) -> Self {
        Self { fields }
    }

    /// The single value of a field; `None` if the field is absent.
    ///
    /// # Errors
    ///
    /// A repeated field is an error: the upstream may use another of its values than the first.
    pub fn one(&self, name: &str) -> Result<Option<&str>, FieldError> {
        let mut values = self.fields.iter().filter(|(field, _)| field == name);
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(_), Some(_)) => Err(FieldError::Repeated(name.to_owned())),
            (Some((_, value)), None) => std::str::from_utf8(value)
                // Pseudo-header fields are not field lines, so white space is not trimmed.
                .map(|text| Some(if name.starts_with(':') { text } else { trimmed(text) }))
                .map_err(|_| FieldError::NotText(name.to_owned())),
        }
    }

    /// All values of a field that may be repeated; values that are not UTF-8 are skipped.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let values = self.fields.iter().filter(move |(field, _)| field == name);
        values.filter_map(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Whether the field occurs.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| field == name)
    }

    /// The distinct names of fields that are like this.
    pub fn names(&self, is_like: impl Fn(&str) -> bool) -> Vec<&str> {
        let names = self.fields.iter().map(|(name, _)| name.as_str());
        let mut names: Vec<&str> = names.filter(|name| is_like(name)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The distinct names of fields that begin with `prefix`.
    pub fn names_with_prefix(&self, prefix: &str) -> Vec<&str> {
        self.names(|name| name.starts_with(prefix))
    }
}

/// Trims optional white space as defined by RFC 9110 §5.6.3, not by Unicode.
pub fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fields: &[(&str, &[u8])]) -> Head {
        Head::new(fields.iter().map(|(n, v)| ((*n).to_owned(), v.to_vec())).collect())
    }

    #[test]
    fn one_value_or_an_error() {
        let head = head(&[
            (":path", b"/a "),
            ("a", b" 1\t"),
            ("b", b"1"),
            ("b", b"1"),
            ("c", b"\xff"),
            ("d", b""),
        ]);
        assert_eq!(head.one(":path"), Ok(Some("/a ")));
        assert_eq!(head.one("a"), Ok(Some("1")));
        assert_eq!(head.all("b").count(), 2);
        assert_eq!(head.one("b"), Err(FieldError::Repeated("b".to_owned())));
        assert_eq!(head.one("c"), Err(FieldError::NotText("c".to_owned())));
        assert_eq!(head.one("d"), Ok(Some("")));
        assert_eq!(head.one("e"), Ok(None));
    }

    #[test]
    fn names_are_listed_once() {
        let head =
            head(&[("toolgate-b", b""), ("x", b""), ("toolgate-a", b""), ("toolgate-b", b"")]);
        assert_eq!(head.names_with_prefix("toolgate-"), ["toolgate-a", "toolgate-b"]);
    }
}
