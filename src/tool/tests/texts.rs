//! Typed strings: the Cedar value is exact, and its constructor never errs.

use serde_json::json;

use super::{check, check_inexact, check_refused};

#[track_caller]
fn check_format(format: &str, value: &str, expected: &str) {
    let schema = json!({ "type": "string", "format": format });
    check(schema, &format!("\"{value}\""), &format!("context.input.x == {expected}"));
}

#[track_caller]
fn check_not(format: &str, values: &[&str], words: &str) {
    for value in values {
        let schema = json!({ "type": "string", "format": format });
        check_refused(schema, &format!("\"{value}\""), &format!("argument `x` must be {words}"));
    }
}

fn check_inexact_format(format: &str, values: &[&str], words: &str) {
    for value in values {
        let schema = json!({ "type": "string", "format": format });
        check_inexact(schema, &format!("\"{value}\""), words);
    }
}

#[test]
fn dates() {
    check_format("date", "2024-02-29", "datetime(\"2024-02-29\")");
    check_format("date", "2000-12-31", "datetime(\"2000-12-31\")");
    let bad = [
        "2023-02-29",
        "1900-02-29",
        "2024-13-01",
        "2024-00-01",
        "2024-04-31",
        "2024-1-01",
        "+024-01-01",
        "2024-01-01T00:00:00Z",
        "24-01-01",
        "2024-01-00",
        "2024-01-01 ",
        "",
        "２024-01-01",
        "-2024-01-01",
    ];
    check_not("date", &bad, "a date such as 2026-11-21");
}

#[test]
fn dates_with_times() {
    let at = "datetime(\"2026-11-21T10:00:00.500Z\")";
    check_format("date-time", "2026-11-21T10:00:00.5Z", at);
    check_format("date-time", "2026-11-21t10:00:00.500000z", at);
    check_format("date-time", "2026-11-21T11:30:00.5+01:30", at);
    check_format("date-time", "2026-11-21T08:00:00.5-02:00", at);
    check_format("date-time", "2026-11-21T10:00:00.500-00:00", at);
    check_format(
        "date-time",
        "0000-01-01T00:00:00+23:59",
        "datetime(\"0000-01-01T00:00:00+2359\")",
    );
    let bad = [
        "2026-11-21",
        "2026-11-21T10:00:00",
        "2026-11-21 10:00:00Z",
        "2026-11-21T10:00:00.Z",
        "2026-11-21T10:60:60Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T10:00Z",
        "2026-11-21T10:00:00+0130",
        "2026-11-21T10:00:00+24:00",
        "2026-11-21T10:00:00+01:60",
        "2026-11-21T10:00:00é+01:00",
        "2026-11-21T10:00:00ZZ",
        "2026-11-21T10:00:00+é1:00",
        "2026-02-30T10:00:00Z",
        "T",
        "2026-11-21T-",
        "2026-11-21T+01:00",
    ];
    let words = "a date and time in milliseconds with an offset, such as 2026-11-21T10:00:00Z";
    check_not("date-time", &bad, words);
    let fine = [
        "2026-11-21T10:00:00.0001Z",
        "2026-11-21T10:00:00.123456789+01:00",
        "2026-12-31T23:59:60Z",
        "2026-12-31T23:59:60.5Z",
    ];
    check_inexact_format("date-time", &fine, words);
}

#[test]
fn durations() {
    check_format("duration", "P1DT2H3M4.005S", "duration(\"1d2h3m4s5ms\")");
    check_format("duration", "-PT1.5S", "duration(\"-1500ms\")");
    check_format("duration", "P2W", "duration(\"14d\")");
    check_format("duration", "PT0S", "duration(\"0ms\")");
    check_format("duration", "PT90M", "duration(\"1h30m\")");
    let bad = [
        "P", "PT", "P1DT", "PT1H2", "1D", "p1d", "PT1.5H", "PT1M2H", "P1H", "PT1D", "P-1D", "P+1D",
        "PD", "PTS", "PT.5S", "PT1,5S", "+P1D", "PT1S1S", "P1D1D",
    ];
    let words = "a duration in days or smaller units, such as P1DT12H";
    check_not("duration", &bad, words);
    let fine = [
        "P1M",
        "P1Y",
        "P1Y2M3DT4H",
        "PT1.0005S",
        "P999999999999D",
        "P99999999999999999999D",
        "P106751991168D",
    ];
    check_inexact_format("duration", &fine, words);
}

#[test]
fn addresses_and_decimals() {
    check_format("ipv4", "192.168.0.1", "ip(\"192.168.0.1\")");
    check_not(
        "ipv4",
        &["192.168.0.0/16", "192.168.0.01", "192.168.1", "::1", " 1.2.3.4"],
        "an IPv4 address",
    );
    check_format("ipv6", "2001:DB8::1", "ip(\"2001:db8::1\")");
    check_not("ipv6", &["::1%eth0", "::/0", "1.2.3.4", ""], "an IPv6 address");
    check_inexact_format("ipv6", &["::ffff:1.2.3.4"], "an IPv6 address");
    check_format("decimal", "922337203685477.5807", "decimal(\"922337203685477.5807\")");
    check_format("decimal", "-922337203685477.5808", "decimal(\"-922337203685477.5808\")");
    check_format("decimal", "-0", "decimal(\"0.0\")");
    check_format("decimal", "007.5", "decimal(\"7.5\")");
    let bad = ["1e3", "1.", ".5", "", "-", "+1", "NaN", "1_0", "--1"];
    check_not("decimal", &bad, "a decimal number in plain notation");
    check_inexact_format("decimal", &["1.23456"], "a number with at most 4 fractional digits");
    let beyond = ["922337203685477.5808", "99999999999999999999"];
    let range = "between -922337203685477.5808 and 922337203685477.5807";
    check_inexact_format("decimal", &beyond, range);
    check_format("uri", "not even one", "\"not even one\"");
}
