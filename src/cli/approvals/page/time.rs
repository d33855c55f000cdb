//! Times, as people say them and as programs read them.

use chrono::DateTime;
use maud::{Markup, html};

/// A time, with how long ago it was or how soon it will be.
pub(super) fn time(seconds: i64, now: i64) -> Markup {
    let Some(time) = DateTime::from_timestamp(seconds, 0) else { return html! { "never" } };
    let machine = time.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    html! {
        time datetime=(machine) { (time.format("%Y-%m-%d %H:%M").to_string()) " UTC" }
        " (" (apart(seconds, now)) ")"
    }
}

/// How far a time is from now.
fn apart(seconds: i64, now: i64) -> String {
    let span = spoken(seconds.abs_diff(now));
    if seconds > now { format!("in {span}") } else { format!("{span} ago") }
}

fn spoken(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..60 => return "less than a minute".to_owned(),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        86_400.. => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_from_now() {
        for (seconds, told) in [
            (1_000, "less than a minute ago"),
            (1_059, "in less than a minute"),
            (1_060, "in 1 minute"),
            (-6_300, "2 hours ago"),
            (1_000 + 86_400 * 3, "in 3 days"),
        ] {
            assert_eq!(apart(seconds, 1_000), told);
        }
    }
}
