//! JSON: what the strict reader accepts, other readers read alike.

use serde_json::Value as Model;
use toolgate::json::{JsonError, Value, canonical, read, read_body, unique};

use crate::bundles;

const DEPTH: usize = 32;

pub(super) fn run(data: &[u8]) {
    let other = serde_json::from_slice::<Model>(data);
    match read_body(data, DEPTH, usize::MAX) {
        Ok(value) => accepted(&value, &other.expect("other readers read it")),
        Err(error) => refused(data, error, other.is_ok()),
    }
    match (read(data, DEPTH), read_body(data, DEPTH, usize::MAX)) {
        (Ok(strict), Ok(value)) => assert_eq!(strict, value),
        (Ok(_), Err(error)) => panic!("only the lenient reader refuses it: {error}"),
        (Err(_), _) => {}
    }
    if let Ok(text) = std::str::from_utf8(data)
        && unique(text).is_ok()
    {
        let value: Model = serde_json::from_str(text).expect("it was read before");
        let again: Model = serde_json::from_slice(&canonical(&value)).expect("it was written");
        assert_eq!(again, value);
    }
}

fn accepted(value: &Value<'_>, other: &Model) {
    assert_eq!(serde_json::to_value(value).expect("a value can be written"), *other);
    let text = serde_json::to_string(value).expect("a value can be written");
    let again = read_body(text.as_bytes(), DEPTH, usize::MAX).expect("what it writes, it reads");
    assert_eq!(serde_json::to_string(&again).ok().as_ref(), Some(&text));
    let canonical_form = canonical(value);
    assert_eq!(canonical(&again), canonical_form);
    // Where all readers agree on every number, there is one canonical form.
    if read(text.as_bytes(), DEPTH).is_ok() {
        assert_eq!(value.canonical().as_bytes(), canonical_form);
    }
    let read: Model = serde_json::from_slice(&canonical_form).expect("canonical JSON is JSON");
    assert_eq!(canonical(&read), canonical_form);
}

/// Only what readers are known to differ about is refused although another one reads it.
fn refused(data: &[u8], error: JsonError, is_read: bool) {
    assert!(error.offset() <= data.len(), "{error}");
    let differs = matches!(
        error,
        JsonError::TooDeep(_)
            | JsonError::DuplicateKey(_)
            | JsonError::Nul(_)
            | JsonError::NumberTooLong(_)
            | JsonError::UnsafeInteger(_)
            | JsonError::NumberOutOfRange(_)
    );
    assert!(!is_read || differs, "{error}: {:?}", String::from_utf8_lossy(data));
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        r#"[null,true,false,0,-0,1.0,1e5,-2.5E-3,9007199254740993,18446744073709551615,""]"#,
        r#"{"a":{"b":[{"c":"\ud83d\ude00\u00e9\"\\\/\b\f\n\r\t"}]},"":1,"é":[[]]}"#,
        r#"{"a":1,"\u0061":2}"#,
        "\u{feff}{}",
        r#"["\u0000","\ud800"]"#,
        "1e400",
    ];
    let documents = bundles::all().iter().map(|bundle| canonical(&bundle.document.manifest));
    texts.iter().map(|text| text.as_bytes().to_vec()).chain(documents).collect()
}
