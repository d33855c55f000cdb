//! The strict reader of JSON, and canonical JSON.

mod properties;

use std::collections::BTreeMap;

use serde::ser::{Serialize, Serializer};
use toolgate::json::JsonError::*;
use toolgate::json::{JsonError, Object, Value, canonical, read, read_body};

const DEPTH: usize = 4;

/// Checks that a document is accepted, and its canonical form.
#[track_caller]
fn check(document: &str, canonical_form: &str) {
    let value = read(document.as_bytes(), DEPTH).expect("the document is strict");
    let written = String::from_utf8(canonical(&value)).expect("canonical JSON is UTF-8");
    assert_eq!(written, canonical_form);
    assert_eq!(value.canonical(), canonical_form);
}

/// Checks that a document is refused with this error.
#[track_caller]
fn check_refused(document: impl AsRef<[u8]>, expected: JsonError) {
    let document = document.as_ref();
    let shown = String::from_utf8_lossy(document);
    assert_eq!(read(document, DEPTH), Err(expected), "{shown}");
}

#[track_caller]
fn read_str(document: &str) -> Value<'_> {
    read(document.as_bytes(), DEPTH).expect("the document is strict")
}

#[test]
fn reads_every_kind() {
    check("null", "null");
    check(" true\n", "true");
    check("\t\r\nfalse", "false");
    check("[]", "[]");
    check("{ }", "{}");
    check(r#"[1, "a", null, [true], {}]"#, r#"[1,"a",null,[true],{}]"#);
    check(r#"{"b": {"c": []}, "a": 1}"#, r#"{"a":1,"b":{"c":[]}}"#);
    check(r#"{"": 0, " ": 1}"#, r#"{"":0," ":1}"#);
    // Different objects may have the same key.
    check(r#"{"a":{"a":[{"a":1},{"a":2}]}}"#, r#"{"a":{"a":[{"a":1},{"a":2}]}}"#);
    // Case-insensitive parsers are handled in the protocol layer.
    check(r#"{"name":1,"Name":2}"#, r#"{"Name":2,"name":1}"#);
}

#[test]
fn refuses_what_is_not_the_grammar() {
    check_refused("", Truncated(0));
    check_refused(" \n", Truncated(2));
    check_refused("[1,]", Unexpected(3));
    check_refused("[,1]", Unexpected(1));
    check_refused("[1 2]", Unexpected(3));
    check_refused("[1}", Unexpected(2));
    check_refused(r#"{"a":1,}"#, Unexpected(7));
    check_refused(r#"{"a" 1}"#, Unexpected(5));
    check_refused(r#"{"a"}"#, Unexpected(4));
    check_refused("{a:1}", Unexpected(1));
    check_refused("{1:1}", Unexpected(1));
    check_refused("{'a':1}", Unexpected(1));
    check_refused("'a'", Unexpected(0));
    check_refused("[1] // one", TrailingData(4));
    check_refused("/* one */ 1", Unexpected(0));
    check_refused("# one\n1", Unexpected(0));
    for word in ["NaN", "Infinity", "undefined", "True", "None"] {
        check_refused(word, Unexpected(0));
    }
    check_refused("-Infinity", MalformedNumber(0));
    check_refused("nul", Truncated(3));
    check_refused("nulL", Unexpected(3));
    check_refused("truefalse", TrailingData(4));
    // White space is JSON's four characters, not those of Unicode or C.
    check_refused("\u{b}1", Unexpected(0));
    check_refused("\u{c}1", Unexpected(0));
    check_refused("\u{a0}1", Unexpected(0));
    check_refused("\u{2028}1", Unexpected(0));
}

#[test]
fn refuses_trailing_data() {
    check_refused("{} {}", TrailingData(3));
    check_refused("{}\0", TrailingData(2));
    check_refused("[]]", TrailingData(2));
    check_refused("1,", TrailingData(1));
    check_refused("{}\u{feff}", TrailingData(2));
}

#[test]
fn refuses_other_encodings() {
    check_refused(b"\xEF\xBB\xBF{}", ByteOrderMark(0));
    check_refused(b"\xFF\xFE{\0}\0", NotUtf8(0));
    check_refused(b"\xFE\xFF\0{\0}", NotUtf8(0));
    check_refused(b"{\0}\0", Unexpected(1));
    check_refused(b"\0{\0}", Unexpected(0));
    check_refused(b"{\0\0\0}\0\0\0", Unexpected(1));
    check_refused(b"+AHs-", Unexpected(0));
    check_refused(b"\"\xE9\"", NotUtf8(1));
    check_refused(b"\"a\x80\"", NotUtf8(2));
    // Overlong forms of `/`, `"` and U+0000, surrogates, code points beyond U+10FFFF, truncated
    // sequences.
    check_refused(b"\"\xC0\xAF\"", NotUtf8(1));
    check_refused(b"\"\xE0\x80\xA2\"", NotUtf8(1));
    check_refused(b"\"\xC0\x80\"", NotUtf8(1));
    check_refused(b"\"\xED\xA0\x80\"", NotUtf8(1));
    check_refused(b"\"\xF4\x90\x80\x80\"", NotUtf8(1));
    check_refused(b"\"\xF0\x9F\x98\"", NotUtf8(1));
}

#[test]
fn reads_strings() {
    check(r#""""#, r#""""#);
    check(r#""\"\\\/\b\f\n\r\t""#, r#""\"\\/\b\f\n\r\t""#);
    check(r#""\u0041\u00e9\u20AC\uFFFF""#, "\"Aé€\u{ffff}\"");
    check(r#""\ud83d\ude00\uDBFF\uDFFF""#, "\"😀\u{10ffff}\"");
    check("\"Aé€😀\u{7f}\u{feff}\u{2028}\"", "\"Aé€😀\u{7f}\u{feff}\u{2028}\"");
    check(r#""\u0001\u001f\u007f""#, "\"\\u0001\\u001f\u{7f}\"");
    check(r#"{"\u006eame":"\\u0000"}"#, r#"{"name":"\\u0000"}"#);
    // The string ends at every offset within and beyond the words that are scanned at once.
    for length in 0..40 {
        for filler in ["a", "é", " ", "!", "#", "[", "]", "\u{7f}", "\u{80}", "\u{a2}"] {
            let text = filler.repeat(length);
            assert_eq!(read_str(&format!("\"{text}\"")).as_str(), Some(text.as_str()));
            let escaped = format!("\"{text}\\n{text}\"");
            assert_eq!(read_str(&escaped).as_str(), Some(format!("{text}\n{text}").as_str()));
        }
    }
}

#[test]
fn refuses_strings_that_readers_cut_or_replace() {
    check_refused("\"a\0b\"", Nul(2));
    check_refused(r#""a\u0000b""#, Nul(2));
    check_refused(r#"{"name\u0000":1}"#, Nul(6));
    check_refused("{\"name\0\":1}", Nul(6));
    for byte in 1..0x20_u8 {
        for before in 0..20 {
            let filler = "x".repeat(before);
            let control = char::from(byte);
            check_refused(format!("\"{filler}{control}\""), ControlCharacter(before + 1));
            check_refused(format!("\"{filler}{control}{filler}\""), ControlCharacter(before + 1));
        }
    }
    check_refused("{\"a\n\":1}", ControlCharacter(3));
    for lone in ["d800", "dbff", "DC00", "dfff"] {
        check_refused(format!(r#""\u{lone}""#), LoneSurrogate(1));
        check_refused(format!(r#"{{"a\u{lone}":1}}"#), LoneSurrogate(3));
    }
    check_refused(r#""\ud800\ud800""#, LoneSurrogate(1));
    check_refused(r#""\ud800\u0041""#, LoneSurrogate(1));
    check_refused(r#""\ud800\n""#, LoneSurrogate(1));
    check_refused(r#""\ud800x""#, LoneSurrogate(1));
    check_refused(r#""\udc00\ud800""#, LoneSurrogate(1));
}

#[test]
fn refuses_unknown_escapes() {
    for escape in [r"\'", r"\a", r"\v", r"\0", r"\x41", r"\U0041", r"\ ", r"\é", "\\\n"] {
        check_refused(format!("\"{escape}\""), UnknownEscape(1));
    }
    for escape in [r"\u004", r"\u+041", r"\u{41}", r"\u 041", r"\u00g1", r"\u００４１"] {
        check_refused(format!("\"{escape}\""), UnknownEscape(1));
    }
    check_refused(r#""\ud83d\ude0""#, UnknownEscape(7));
    check_refused(r#""\"#, Truncated(2));
    check_refused(r#""\""#, Truncated(3));
}

#[test]
fn refuses_duplicate_keys() {
    check_refused(r#"{"a":1,"a":1}"#, DuplicateKey(7));
    check_refused(r#"{"name":1,"n\u0061me":2}"#, DuplicateKey(10));
    check_refused(r#"{"":1,"":2}"#, DuplicateKey(6));
    check_refused(r#"{"x":{"b":0,"a":[{"y":1}],"a":2}}"#, DuplicateKey(26));
    check_refused("{\"é\":1,\"\\u00e9\":2}", DuplicateKey(8));
    for size in [2, 7, 8, 9, 10, 1000] {
        let members: Vec<String> = (0..size).map(|key| format!(r#""{key}":{{"z":[]}}"#)).collect();
        let members = members.join(",");
        let unique = format!("{{{members}}}");
        assert_eq!(read_str(&unique).as_object().map(Object::len), Some(size));
        let twice = format!(r#"{{{members},"1":0}}"#);
        check_refused(twice, DuplicateKey(unique.len()));
    }
    // The first duplicate is reported, also among many keys.
    check_refused(
        r#"{"9":0,"8":0,"7":0,"6":0,"5":0,"4":0,"3":0,"9":0,"2":0,"1":0,"3":0,"9":0}"#,
        DuplicateKey(43),
    );
}

#[test]
fn reads_numbers() {
    check("[0,1,-1,10,123]", "[0,1,-1,10,123]");
    check("[9007199254740991,-9007199254740991]", "[9007199254740991,-9007199254740991]");
    check("[0.0,0e0,0.00E-5,1.0,1.50,1e0]", "[0,0,0,1,1.5,1]");
    check("[1E2,1e+2,1e-2,-1.5e-3,0.1]", "[100,100,0.01,-0.0015,0.1]");
    check("[1.7976931348623157e308,5e-324]", "[1.7976931348623157e+308,5e-324]");
    assert_eq!(read_str("-12").as_i64(), Some(-12));
    for float in ["1.0", "1e2", "1E2", "0.5"] {
        assert_eq!(read_str(float).as_i64(), None);
    }
    let Value::Number(number) = read_str("1E2") else { panic!("not a number") };
    assert_eq!(number.as_str(), "1E2");
    assert!((number.as_f64() - 100.0).abs() < f64::EPSILON);
}

#[test]
fn refuses_numbers_that_readers_change() {
    for literal in "00 01 -01 1. 1.e1 1e 1e+ 1e1.5 .5 +1 - 0x10".split(' ') {
        assert!(read(format!("[{literal}]").as_bytes(), DEPTH).is_err(), "{literal}");
    }
    check_refused("[-01]", MalformedNumber(1));
    check_refused("[1.]", MalformedNumber(1));
    check_refused("[1e]", MalformedNumber(1));
    check_refused("[-]", MalformedNumber(1));
    check_refused("-", Truncated(1));
    check_refused("[+1]", Unexpected(1));
    check_refused("[.5]", Unexpected(1));
    for zero in ["-0", "-0.0", "-0e5", "-0.00E-1"] {
        check_refused(zero, NegativeZero(0));
    }
    for big in
        "9007199254740992 -9007199254740992 9223372036854775808 -9223372036854775808".split(' ')
    {
        check_refused(format!("[1,{big}]"), UnsafeInteger(3));
    }
    for beyond in "1e400 -1e400 1e309 1e-400 -1e-400 0.001e-322 1e99999999999999999999".split(' ') {
        check_refused(format!(" {beyond}"), NumberOutOfRange(1));
    }
    let long = |digits: usize| format!("0.{}", "1".repeat(digits));
    assert!(read(long(62).as_bytes(), DEPTH).is_ok());
    check_refused(long(63), NumberTooLong(0));
    check_refused("9".repeat(65), NumberTooLong(0));
    check_refused("9".repeat(64), UnsafeInteger(0));
}

#[test]
fn a_body_may_have_integers_that_readers_round() {
    for integer in ["9007199254740992", "-9223372036854775808", "18446744073709551615"] {
        let value = read_body(integer.as_bytes(), DEPTH, 1).expect(integer);
        assert_eq!((value.as_i64(), value.canonical().as_str()), (None, integer));
    }
    for zero in ["-0", "-0.0", "-0e5", "-0e99999999999"] {
        let value = read_body(zero.as_bytes(), DEPTH, 1).expect(zero);
        assert_eq!((value.as_i64(), value.canonical().as_str()), (None, "0"), "{zero}");
    }
    let written = |text: &str| {
        let value = read_body(text.as_bytes(), DEPTH, 1).expect(text);
        serde_json::to_string(&value).expect("a number can be written")
    };
    for same in ["-9223372036854775808", "18446744073709551615", "-0.0"] {
        assert_eq!(written(same), same);
    }
    for (beyond, error) in [
        ("1e400", NumberOutOfRange(0)),
        ("-1e-400", NumberOutOfRange(0)),
        ("18446744073709551616", UnsafeInteger(0)),
        ("-9223372036854775809", UnsafeInteger(0)),
    ] {
        assert_eq!(read_body(beyond.as_bytes(), DEPTH, 1), Err(error), "{beyond}");
    }
}

#[test]
fn refuses_deep_nesting() {
    check("[[[[1]]]]", "[[[[1]]]]");
    check(r#"{"a":[{"a":[]}]}"#, r#"{"a":[{"a":[]}]}"#);
    check_refused("[[[[[", TooDeep(4));
    check_refused(r#"{"a":[{"a":[{}]}]}"#, TooDeep(12));
    check_refused("[".repeat(1_000_000), TooDeep(4));
    assert!(read(b"1", 0).is_ok());
    assert_eq!(read(b"[]", 0), Err(TooDeep(0)));
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(read(nested(64).as_bytes(), 64).is_ok());
    assert_eq!(read(nested(65).as_bytes(), 64), Err(TooDeep(64)));
}

#[test]
fn refuses_every_prefix() {
    let document =
        r#"{"a\n":[1.5e-3,-7,{"é😀":"\ud83d\ude00\u00e9\\"}],"t":true,"f":false,"n":null}"#;
    assert!(read(document.as_bytes(), DEPTH).is_ok());
    for end in 0..document.len() {
        let prefix = &document.as_bytes()[..end];
        let error = read(prefix, DEPTH).expect_err("a prefix is no document");
        assert!(matches!(error, Truncated(_) | NotUtf8(_)), "{error}");
    }
}

#[test]
fn gives_access() {
    let value = read_str(r#"{"s":"x","i":7,"n":null,"l":[true],"o":{}}"#);
    let object = value.as_object().expect("an object");
    assert_eq!(object.keys().collect::<String>(), "sinlo");
    assert_eq!(
        object.iter().map(|(_, value)| value.kind()).collect::<Vec<_>>(),
        ["string", "number", "null", "array", "object"]
    );
    assert_eq!(object.get("s").and_then(Value::as_str), Some("x"));
    assert_eq!(object.get("i").and_then(Value::as_i64), Some(7));
    assert_eq!(object.get("l").and_then(Value::as_array), Some([Value::Bool(true)].as_slice()));
    assert!(object.get("n").is_some_and(Value::is_null));
    assert!(object.get("o").and_then(Value::as_object).is_some_and(Object::is_empty));
    assert!(object.get("x").is_none() && value.as_str().is_none() && value.as_i64().is_none());
}

#[test]
fn errors_say_where() {
    assert_eq!(DuplicateKey(7).to_string(), "duplicate key at byte 7");
    assert_eq!(TooDeep(4).to_string(), "nested too deep at byte 4");
}

#[test]
fn canonical_sorts_by_utf16() {
    // U+1F600 has a surrogate pair in UTF-16, which sorts before U+FB33.
    check("{\"\u{fb33}\":1,\"😀\":2,\"\\u20ac\":3}", "{\"€\":3,\"😀\":2,\"\u{fb33}\":1}");
    assert!(canonical(&BTreeMap::from([([0], 0)])).is_empty());
}

#[test]
fn values_are_counted_whatever_they_are() {
    for (document, values) in [
        ("1", 1),
        ("[]", 1),
        ("[{},{}]", 3),
        ("[[1,null],[true]]", 6),
        (r#"{"a":"x","b":{"c":[""]}}"#, 5),
    ] {
        assert!(read_body(document.as_bytes(), DEPTH, values).is_ok(), "{document}");
        let refused = read_body(document.as_bytes(), DEPTH, values - 1);
        assert!(matches!(refused, Err(TooManyValues(_))), "{document}");
    }
}

/// Two members of one name have no defined order, and so no unambiguous digest.
#[test]
fn a_name_twice_has_no_canonical_form() {
    struct Members([(&'static str, u8); 2]);
    impl Serialize for Members {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map(self.0)
        }
    }
    assert_eq!(canonical(&Members([("b", 1), ("a", 2)])), b"{\"a\":2,\"b\":1}");
    assert!(canonical(&Members([("a", 1), ("a", 2)])).is_empty());
}
