//! Laws: what is accepted fits the Cedar schema, what fits the JSON Schema is accepted, nothing else is.

use cedar_policy::{Authorizer, Decision, Entities, EvalResult, PolicySet};
use proptest::prelude::*;

use super::super::Tool;
use super::model::{Choices, arguments, keywords};
use super::{Marks, build, cedar_schema, context, request, tool, try_tool};
use crate::json;
use crate::json::Rendered;

/// What policies see of arguments.
fn seen(tool: &Tool, arguments: &str) -> EvalResult {
    let input = build(tool, arguments).expect("what fits");
    context(input).get("input").expect("the input")
}

fn choices() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..64)
}

proptest! {
    #[test]
    fn what_fits_is_accepted_and_fits_the_cedar_schema(model in arguments(), choices in choices()) {
        let tool = tool(model.schema(), Marks::default());
        let value = model.value(&mut Choices(choices.into_iter())).to_string();
        let input = build(&tool, &value);
        prop_assert!(input.is_ok(), "{value}: {input:?}");
        let request = input.and_then(|input| request(&tool, input));
        prop_assert!(request.is_ok(), "{value} as {}: {request:?}", tool.input_type());
    }

    #[test]
    fn what_does_not_fit_is_refused(model in arguments(), choices in choices()) {
        let tool = tool(model.schema(), Marks::default());
        let value = model.misfit(&mut Choices(choices.into_iter())).to_string();
        prop_assert!(build(&tool, &value).is_err(), "{value} as {}", tool.input_type());
    }

    #[test]
    fn what_fits_another_type_is_refused_or_fits_the_cedar_schema(
        model in arguments(),
        other in arguments(),
        choices in choices(),
    ) {
        let tool = tool(model.schema(), Marks::default());
        let value = other.value(&mut Choices(choices.into_iter())).to_string();
        if let Ok(input) = build(&tool, &value) {
            prop_assert!(request(&tool, input).is_ok(), "{value} as {}", tool.input_type());
        }
    }

    #[test]
    fn what_fits_is_recorded_as_it_is(model in arguments(), choices in choices()) {
        let tool = tool(model.schema(), Marks::default());
        let value = model.value(&mut Choices(choices.into_iter()));
        let text = value.to_string();
        let read = json::read(text.as_bytes(), 64).expect("JSON");
        let shown = tool.redacted(read.as_object(), text.len());
        prop_assert_eq!(shown.as_ref().map(Rendered::as_str), Some(text.as_str()));
    }

    #[test]
    fn what_policies_see_can_be_written_again(model in arguments(), choices in choices()) {
        let tool = tool(model.schema(), Marks::default());
        let value = model.value(&mut Choices(choices.into_iter())).to_string();
        let seen = seen(&tool, &value);
        let written = tool.written(&seen);
        prop_assert!(written.is_some(), "{value}: {seen}");
        let again = self::seen(&tool, &written.clone().unwrap_or_default().to_string());
        // One time has several spellings.
        prop_assert_eq!(tool.written(&again), written, "{}", value);
    }

    #[test]
    fn conditions_hold(model in arguments(), choices in choices()) {
        let tool = tool(model.schema(), Marks::default());
        let value = model.value(&mut Choices(choices.into_iter())).to_string();
        let input = build(&tool, &value).expect("what fits");
        let request = request(&tool, input).expect("a request");
        for condition in tool.conditions() {
            let policy = format!("permit(principal, action, resource) when {{ {condition} }};");
            let policies: PolicySet = policy.parse().expect("a policy");
            let answer = Authorizer::new().is_authorized(&request, &policies, &Entities::empty());
            prop_assert_eq!(answer.decision(), Decision::Allow, "{} of {}", condition, value);
        }
    }

    #[test]
    fn any_schema_is_reported_or_has_a_cedar_schema(schema in keywords(), model in arguments(), choices in choices()) {
        if let Ok(tool) = try_tool(schema, Marks::default()) {
            cedar_schema(&tool);
            let value = model.value(&mut Choices(choices.into_iter())).to_string();
            if let Ok(input) = build(&tool, &value) {
                prop_assert!(request(&tool, input).is_ok(), "{value} as {}", tool.input_type());
            }
        }
    }
}
