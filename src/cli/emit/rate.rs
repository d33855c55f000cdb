//! A limit of a rate, as Envoy's own filters count it.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::str::FromStr;

use crate::cli::output::fuzzy_match;
use crate::memory::Span;

/// So many calls in a window, separately for each combination of some members of the object that the
/// filter publishes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Rate {
    pub(super) members: BTreeSet<Member>,
    pub(super) calls: NonZeroU32,
    window: Span,
}

/// A member of the object that says whose or which call it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Member {
    Principal,
    Actor,
    Tool,
    InnerTool,
}

impl Rate {
    /// How long a window is, in seconds.
    pub(super) fn seconds(&self) -> u64 {
        self.window.millis() / 1000
    }

    /// Its name in configuration and statistics. Another number of calls does not change it, so that
    /// it can be changed where it is counted alone.
    pub(super) fn name(&self) -> String {
        let members: Vec<&str> = self.members.iter().map(|member| member.as_str()).collect();
        let whose = if members.is_empty() { "calls".to_owned() } else { members.join("_") };
        format!("{whose}_per_{}", String::from(self.window).replace(' ', ""))
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (members, rate) = text.rsplit_once('=').unwrap_or(("", text));
        let form =
            || format!("`{text}` is not `[MEMBER,…=]CALLS/WINDOW`, such as `principal=60/1m`");
        let (calls, window) = rate.split_once('/').ok_or_else(form)?;
        let calls = calls.parse().map_err(|_| {
            format!("`{calls}` is not a number of calls: write a whole number above zero")
        })?;
        let window = Span::try_from(window.to_owned())?;
        if window.millis() % 1000 != 0 {
            return Err(format!("`{}` is not a number of whole seconds", String::from(window)));
        }
        let named = text.contains('=').then(|| members.split(',')).into_iter().flatten();
        let members = named.map(str::parse).collect::<Result<_, String>>()?;
        Ok(Self { members, calls, window })
    }
}

impl Member {
    const ALL: [Self; 4] = [Self::Principal, Self::Actor, Self::Tool, Self::InnerTool];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Actor => "actor",
            Self::Tool => "tool",
            Self::InnerTool => "inner_tool",
        }
    }

    /// Whether the calls of a batch can differ in it, of which the object has the first alone.
    pub(super) fn is_of_one_call(self) -> bool {
        matches!(self, Self::Tool | Self::InnerTool)
    }
}

impl FromStr for Member {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|member| member.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str);
            let help = fuzzy_match::did_you_mean(text, known);
            let help = help.unwrap_or_else(|| format!("write `{}`", known.join("`, `")));
            format!("calls cannot be counted by `{text}`: {help}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, name: &str, calls: u32, seconds: u64) {
        let rate: Rate = text.parse().unwrap();
        let found = (rate.name(), rate.calls.get(), rate.seconds());
        assert_eq!(found, (name.to_owned(), calls, seconds), "{text}");
    }

    #[test]
    fn a_rate_has_a_name_whatever_the_order() {
        check("1000/1h", "calls_per_1h", 1000, 3600);
        check("principal=60/1m", "principal_per_1m", 60, 60);
        check("tool,principal=61/60s", "principal_tool_per_1m", 61, 60);
        check("inner_tool,actor,actor=1/90m", "actor_inner_tool_per_1h30m", 1, 5400);
        check("actor=4294967295/1day", "actor_per_1day", u32::MAX, 86_400);
    }

    #[test]
    fn what_is_no_rate_is_said() {
        for (text, expected) in [
            ("principal", "is not `[MEMBER,…=]CALLS/WINDOW`"),
            ("principal=60", "is not `[MEMBER,…=]CALLS/WINDOW`"),
            ("=60/1m", "calls cannot be counted by ``"),
            ("principal,=60/1m", "calls cannot be counted by ``"),
            ("principle=60/1m", "`principle`: did you mean `principal`?"),
            ("tenant=60/1m", "`tenant`: write `principal`, `actor`, `tool`, `inner_tool`"),
            ("tool=0/1m", "`0` is not a number of calls"),
            ("tool=1.5/1m", "`1.5` is not a number of calls"),
            ("tool=4294967296/1m", "is not a number of calls"),
            ("tool=1/minute", "`minute` is not a span of time"),
            ("tool=1/500ms", "`500ms` is not between a second and a year"),
            ("tool=1/1500ms", "`1s 500ms` is not a number of whole seconds"),
        ] {
            let error = text.parse::<Rate>().unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
