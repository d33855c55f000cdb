use proptest::prelude::*;
use serde_json::Value as Model;

use toolgate::json::{Value, canonical, read};

const DEPTH: usize = 16;
const LARGEST: i64 = (1 << 53) - 1;

/// The `serde_json` value for one of ours.
fn model(value: &Value<'_>) -> Model {
    match value {
        Value::Null => Model::Null,
        Value::Bool(value) => Model::from(*value),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| number.as_f64().into(), Model::from)
        }
        Value::String(text) => Model::from(text.as_ref()),
        Value::Array(elements) => elements.iter().map(model).collect(),
        Value::Object(object) => object.iter().map(|(key, value)| (key, model(value))).collect(),
        Value::Raw(text) => panic!("`read` returns the unread text {text}"),
    }
}

/// The canonical form by another implementation of RFC 8785.
fn reference(value: &Model) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).expect("a value can be written")
}

/// An accepted document has the same value in `serde_json`, and in our reader after serialization.
fn agrees_if_accepted(document: &[u8]) -> Result<(), TestCaseError> {
    let Ok(value) = read(document, DEPTH) else {
        return Ok(());
    };
    let other: Model = serde_json::from_slice(document)
        .map_err(|error| TestCaseError::fail(format!("serde_json refuses it: {error}")))?;
    prop_assert_eq!(model(&value), other.clone());
    let written = serde_json::to_vec(&value).expect("a value can be written");
    prop_assert_eq!(read(&written, DEPTH).map(|again| model(&again)), Ok(model(&value)));
    let canonical_form = canonical(&value);
    prop_assert_eq!(&canonical_form, &reference(&other));
    prop_assert_eq!(value.canonical().into_bytes(), canonical_form.clone());
    if let Some(object) = value.as_object() {
        prop_assert_eq!(object.canonical(), value.canonical());
    }
    let again: Model = serde_json::from_slice(&canonical_form).expect("canonical JSON is JSON");
    prop_assert_eq!(canonical(&again), canonical_form);
    Ok(())
}

fn characters() -> impl Strategy<Value = char> {
    let chosen = prop::sample::select(
        "\"\\/\u{1}\n\u{1f}aé€😀\u{7f}\u{ffff}\u{feff}".chars().collect::<Vec<_>>(),
    );
    prop_oneof![
        chosen,
        prop::char::range(' ', '~'),
        any::<char>().prop_filter("no NUL", |c| *c != '\0')
    ]
}

fn strings() -> impl Strategy<Value = String> {
    prop::collection::vec(characters(), 0..20).prop_map(String::from_iter)
}

/// Any value that the strict reader accepts.
fn models() -> impl Strategy<Value = Model> {
    let doubles = prop::num::f64::NORMAL
        | prop::num::f64::SUBNORMAL
        | prop::num::f64::POSITIVE
        | prop::num::f64::ZERO;
    let finite = doubles
        .prop_filter("finite, no -0", |f| f.is_finite() && (*f != 0.0 || f.is_sign_positive()));
    let leaf = prop_oneof![
        Just(Model::Null),
        any::<bool>().prop_map(Model::from),
        (-LARGEST..=LARGEST).prop_map(Model::from),
        (-100..100_i64).prop_map(Model::from),
        finite.prop_map(Model::from),
        strings().prop_map(Model::from),
    ];
    leaf.prop_recursive(5, 64, 12, |inner| {
        let members = (strings(), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..12).prop_map(Model::from),
            prop::collection::vec(members, 0..12).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// Escapes every non-ASCII character as `\u`, as Python does.
fn ascii(document: &str) -> String {
    let mut escaped = String::new();
    for character in document.chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            let mut units = [0; 2];
            let units = character.encode_utf16(&mut units);
            escaped.extend(units.iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    escaped
}

/// Pieces of JSON that parsers are known to interpret differently.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let pieces: [&[u8]; 48] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\"",
        b"\\",
        b" ",
        b"\n",
        b"\t",
        b"\0",
        b"null",
        b"true",
        b"false",
        b"NaN",
        b"0",
        b"1",
        b"-",
        b"-0",
        b"+",
        b".",
        b"e",
        b"E400",
        b"e-400",
        b"1.5",
        b"9007199254740993",
        b"18446744073709551616",
        b"\"a\"",
        b"\"a\":",
        b"\"\\u0061\":",
        b"\"b\":1",
        b"\\u0000",
        b"\\ud800",
        b"\\udc00",
        b"\\ud83d\\ude00",
        b"\\n",
        b"\\x",
        b"\xEF\xBB\xBF",
        b"\xC0\xAF",
        b"\xED\xA0\x80",
        "é".as_bytes(),
        "😀".as_bytes(),
        b"//",
        b"/*",
        b"'",
        b"\x1f",
        b"\x7f",
    ];
    prop::sample::select(pieces.map(<[u8]>::to_vec).to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reads_whatever_is_within_the_rules(value in models()) {
        let compact = value.to_string();
        let pretty = serde_json::to_string_pretty(&value).expect("a value can be written");
        let escaped = ascii(&compact);
        for document in [compact, pretty, escaped] {
            let ours = read(document.as_bytes(), DEPTH);
            prop_assert_eq!(ours.as_ref().map(model), Ok(value.clone()), "{}", document);
            prop_assert_eq!(canonical(&value), reference(&value));
            prop_assert_eq!(ours.as_ref().map(canonical), Ok(reference(&value)));
            prop_assert_eq!(ours.map(|ours| ours.canonical().into_bytes()), Ok(reference(&value)));
        }
    }

    #[test]
    fn the_order_of_members_does_not_matter(names in prop::collection::hash_set(strings(), 0..12)) {
        let member = |name: &String| format!("{}:1", Model::from(name.as_str()));
        let members: Vec<String> = names.iter().map(member).collect();
        let document = format!("{{{}}}", members.join(","));
        let ours = read(document.as_bytes(), DEPTH).expect("the document is within the rules");
        let other: Model = serde_json::from_str(&document).expect("the document is JSON");
        prop_assert_eq!(canonical(&ours), reference(&other));
        prop_assert_eq!(ours.canonical().into_bytes(), reference(&other));
    }

    #[test]
    fn never_panics_on_bytes(document in prop::collection::vec(any::<u8>(), 0..200)) {
        agrees_if_accepted(&document)?;
    }

    #[test]
    fn agrees_on_fragments(pieces in prop::collection::vec(fragments(), 0..5)) {
        let pieces = pieces.concat();
        agrees_if_accepted(&pieces)?;
        agrees_if_accepted(&[b"\"", pieces.as_slice(), b"\""].concat())?;
        agrees_if_accepted(&[b"[", pieces.as_slice(), b"]"].concat())?;
        agrees_if_accepted(&[b"{\"a\":0,", pieces.as_slice(), b"}"].concat())?;
    }

    #[test]
    fn agrees_on_numbers(literal in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?") {
        agrees_if_accepted(literal.as_bytes())?;
    }

    #[test]
    fn one_spelling_is_everybodys(
        literal in "-?(0|[1-9][0-9]{0,9})\\.0{0,5}[0-9]{1,9}|-?[1-9][0-9]{0,15}(\\.[0-9]{1,3})?",
    ) {
        let read = read(literal.as_bytes(), DEPTH);
        let Ok(Value::Number(number)) = read else { return Ok(()) };
        let double = number.as_f64();
        let serde = serde_json::to_string(&double).unwrap();
        let ecma = ryu_js::Buffer::new().format_finite(double).to_owned();
        let is_fraction = literal.contains('.');
        if number.has_one_spelling() && is_fraction {
            prop_assert_eq!([&serde, &ecma], [&literal; 2]);
        } else if is_fraction && literal.len() <= 15 {
            // Fractions not counted as common are spelled differently by a serializer, except small
            // ones.
            prop_assert!(serde != literal || ecma != literal || literal.contains("0.0000"));
        }
    }

    #[test]
    fn agrees_on_mutations(
        value in models(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..3_usize, fragments()), 1..3),
    ) {
        let mut document = value.to_string().into_bytes();
        for (place, removed, piece) in edits {
            let mut tail = document.split_off(place.index(document.len()));
            document.extend(piece);
            document.extend(tail.drain(removed.min(tail.len())..));
        }
        agrees_if_accepted(&document)?;
    }

    #[test]
    fn agrees_on_repeated_keys(keys in prop::collection::vec("[ab]{0,3}", 0..14)) {
        let members: Vec<String> = keys.iter().map(|key| format!("\"{key}\":1")).collect();
        let document = format!("{{{}}}", members.join(","));
        let unique = keys.iter().collect::<std::collections::BTreeSet<_>>().len() == keys.len();
        prop_assert_eq!(read(document.as_bytes(), DEPTH).is_ok(), unique);
    }
}
