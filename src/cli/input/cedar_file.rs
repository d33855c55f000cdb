//! Reads the policies of a `.cedar` file with their locations.

use std::collections::BTreeMap;
use std::str::FromStr as _;
use std::sync::Arc;

use cedar_policy::{Policy, PolicySet, Template};
use miette::{Diagnostic, SourceSpan};

use crate::bundle::{Code, Policies, PolicySource};
use crate::cli::output::report::Problem;
use crate::cli::output::source::{Location, SourceFile};

/// The policies of one layer, in the order of files and within files.
#[derive(Debug, Default)]
pub(in crate::cli) struct LayerSource {
    /// The policies for the document.
    pub(in crate::cli) policies: Policies,
    /// The location of each policy, by id.
    pub(in crate::cli) places: BTreeMap<String, Location>,
    /// Problems found while reading.
    pub(in crate::cli) problems: Vec<Problem>,
}

impl LayerSource {
    /// Adds the policies of a file.
    pub(in crate::cli) fn add(&mut self, file: &Arc<SourceFile>) {
        let set = match PolicySet::from_str(&file.text) {
            Ok(set) => set,
            Err(errors) => {
                self.problems.extend(
                    errors.iter().map(|error| syntax(file, error).with_code(Code::PolicySyntax)),
                );
                return;
            }
        };
        let templates = set.templates().map(|template| {
            Problem::at(template_place(file, template), "templates are not supported")
                .with_code(Code::PolicyTemplate)
                .with_help("write the principal or resource instead of the slot")
        });
        self.problems.extend(templates);
        let mut policies: Vec<(SourceSpan, &Policy)> = set
            .policies()
            .filter_map(|policy| Some((policy.as_ref().loc()?.span, policy)))
            .collect();
        policies.sort_by_key(|(span, _)| span.offset());
        for (span, policy) in policies {
            self.add_policy(place(file, span), policy);
        }
    }

    fn add_policy(&mut self, place: Location, policy: &Policy) {
        let source = place.span.clone().and_then(|span| place.file.text.get(span));
        let Some(source) = source.map(str::to_owned) else { return };
        let Some(id) = policy.annotation("id").filter(|id| !id.is_empty()) else {
            let problem = Problem::at(place.clone(), "the policy has no `@id`")
                .with_code(Code::MissingPolicyId)
                .with_help("write `@id(\"some-name\")` in front of it: records show this name");
            self.problems.push(problem);
            return;
        };
        if let Some(first) = self.places.get(id) {
            let problem = Problem::at(place.clone(), format!("another policy has the id `{id}`"))
                .with_code(Code::DuplicatePolicyId)
                .with_help(format!("the first one is at {first}"));
            self.problems.push(problem);
            return;
        }
        self.places.insert(id.to_owned(), place);
        self.policies.push(PolicySource { id, source: &source });
    }
}

/// A Cedar syntax error as a problem.
pub(in crate::cli) fn syntax(file: &Arc<SourceFile>, error: &dyn Diagnostic) -> Problem {
    let label = error.labels().and_then(|mut labels| labels.next());
    let place = match &label {
        Some(label) => place(file, *label.inner()),
        None => Location::whole(file),
    };
    let detail = label.as_ref().and_then(|label| label.label()).map(|label| format!(": {label}"));
    let message = format!("{error}{}", detail.unwrap_or_default());
    let problem = Problem::at(place, message.replace('\n', " "));
    match error.help() {
        Some(help) => problem.with_help(help.to_string()),
        None => problem,
    }
}

fn template_place(file: &Arc<SourceFile>, template: &Template) -> Location {
    match template.as_ref().loc() {
        Some(loc) => place(file, loc.span),
        None => Location::whole(file),
    }
}

fn place(file: &Arc<SourceFile>, span: SourceSpan) -> Location {
    Location::at(file, span.offset()..span.offset().saturating_add(span.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(texts: &[&str]) -> LayerSource {
        let mut layer = LayerSource::default();
        for text in texts {
            layer.add(&Arc::new(SourceFile::new("a.cedar", *text)));
        }
        layer
    }

    #[test]
    fn a_policy_is_its_text_with_annotations() {
        let layer = layer(&[
            "// about the first\n@id(\"b\") @reason(\"no; never\")\nforbid (principal, action, resource)\n\
             when { context.note == \"; permit (\" // not; yet\n };permit(principal,action,resource)\n\
             unless{true}; // the rest",
        ]);
        // The second policy has no id.
        assert_eq!(layer.problems.len(), 1);
        let sources: Vec<_> = layer.policies.iter().map(|policy| policy.source).collect();
        assert_eq!(
            sources,
            ["@id(\"b\") @reason(\"no; never\")\nforbid (principal, action, resource)\n\
              when { context.note == \"; permit (\" // not; yet\n };"]
        );
    }

    #[test]
    fn policies_come_in_the_order_of_their_files() {
        let policy = |id: &str| format!("@id(\"{id}\") permit (principal, action, resource);");
        let many: Vec<String> = (0..12).map(|number| policy(&format!("p{number}"))).collect();
        let layer = layer(&[&many.join("\n"), &policy("a"), "", &policy("p3")]);
        let ids: Vec<_> = layer.policies.iter().map(|policy| policy.id).collect();
        let expected =
            ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "a"];
        assert_eq!(ids, expected);
        assert_eq!(layer.problems.len(), 1);
    }

    #[test]
    fn every_syntax_error_of_a_file_has_a_place() {
        let layer =
            layer(&["permitt (principal, action, resource);\nforbid (principal, action);\n"]);
        assert!(layer.policies.is_empty());
        assert!(!layer.problems.is_empty());
        for problem in &layer.problems {
            assert!(
                problem.place.as_ref().is_some_and(|place| place.span.is_some()),
                "{problem:?}"
            );
        }
    }
}
