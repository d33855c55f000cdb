//! Maps errors and warnings of Cedar's validator to finding codes.

use cedar_policy::{ValidationError, ValidationWarning};

use crate::bundle::Code;

#[expect(clippy::wildcard_enum_match_arm, reason = "the others are all about types")]
pub(super) fn of_error(error: &ValidationError) -> Code {
    match error {
        ValidationError::UnrecognizedEntityType(_) => Code::UnknownType,
        ValidationError::UnrecognizedActionId(_) => Code::UnknownAction,
        ValidationError::UnsafeAttributeAccess(_) => Code::UnknownAttribute,
        ValidationError::UnsafeOptionalAttributeAccess(_) => Code::OptionalAttribute,
        ValidationError::InvalidEnumEntity(_) => Code::UnknownValue,
        _ => Code::PolicyType,
    }
}

/// Advice for a string that is compared with an enumerated argument, detected from the text of
/// Cedar's error.
pub(super) fn advice(words: &str) -> Option<String> {
    let pair = words.split_once("the types ")?.1.split_once(" are not compatible")?.0;
    let (left, right) = pair.split_once(" and ")?;
    let (("String", other) | (other, "String")) = (left, right) else { return None };
    other.contains("::Input::").then(|| {
        format!(
            "the values of the argument are entities: write `{other}::\"…\"`, and in a policy about \
             several tools one comparison for each, joined by `||`"
        )
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the others are all about texts")]
pub(super) fn of_warning(warning: &ValidationWarning) -> Code {
    match warning {
        ValidationWarning::ImpossiblePolicy(_) => Code::ImpossiblePolicy,
        ValidationWarning::InvalidActionApplication(_) => Code::ImpossibleScope,
        _ => Code::ConfusableText,
    }
}
