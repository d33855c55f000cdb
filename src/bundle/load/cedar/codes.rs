//! What Cedar's validator complains of, as codes.

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

#[expect(clippy::wildcard_enum_match_arm, reason = "the others are all about texts")]
pub(super) fn of_warning(warning: &ValidationWarning) -> Code {
    match warning {
        ValidationWarning::ImpossiblePolicy(_) => Code::ImpossiblePolicy,
        ValidationWarning::InvalidActionApplication(_) => Code::ImpossibleScope,
        _ => Code::ConfusableText,
    }
}
