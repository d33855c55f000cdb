//! Properties: accepted arguments fit the Cedar schema, and exactly what fits the JSON Schema is
//! accepted.

use proptest::prelude::*;

use super::model::{Choices, arguments, keywords};
use super::{Marks, build, cedar_schema, request, tool, try_tool};
use crate::json::{self, Rendered};

/// The choices from which a model generates values.
pub(crate) fn choices() -> impl Strategy<Value = Vec<u8>> {
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
        let shown = tool.redacted(read.as_object(), None, text.len());
        prop_assert_eq!(shown.as_ref().map(Rendered::as_str), Some(text.as_str()));
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
