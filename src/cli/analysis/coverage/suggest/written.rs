//! Prints a call and its outcome as a case for a test file.

use serde_json::json;

use super::people::Person;
use super::trial::Expected;
use crate::cli::input::cases::Call;
use crate::cli::output::yaml_flow::flow;
use crate::reason::Reason;

/// The case as YAML.
pub(super) fn written(
    name: &str,
    person: Option<&Person<'_>>,
    call: &Call,
    expected: &Expected,
) -> String {
    let elsewhere = (call.authority != Call::AUTHORITY).then_some(&call.authority);
    let authority = elsewhere.map(|host| format!(" authority: {},", flow(&json!(host))));
    let who = person.map_or_else(|| "somebody".to_owned(), |person| flow(&json!(person.name)));
    let shadow = expected.shadow.as_ref();
    let shadow =
        shadow.map(|(reason, policies)| format!(", shadow: {{ {} }}", decided(*reason, policies)));
    let [result, got] = match &expected.result {
        Some([result, got]) => {
            [format!("    result: {}\n", flow(result)), format!(", result: {}", flow(got))]
        }
        None => [String::new(), String::new()],
    };
    format!(
        "  - name: {}\n    as: {who}\n    call: {{ path: {},{} {}: {}, arguments: {} }}\n{result}    \
         expect: {{ {}{}{got} }}\n",
        flow(&json!(name)),
        flow(&json!(call.path)),
        authority.unwrap_or_default(),
        call.called.key(),
        flow(&json!(call.called.name())),
        flow(&json!(call.arguments)),
        decided(expected.reason, &expected.policies),
        shadow.unwrap_or_default(),
    )
}

fn decided(reason: Reason, policies: &[String]) -> String {
    let (decision, policies) = (reason.decision().as_str(), flow(&json!(policies)));
    format!("decision: {decision}, reason: {}, policies: {policies}", reason.as_str())
}
