//! The sections of `bundle.yaml` about what the gate remembers.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Amount, Span};

/// The `memory` section: how much is remembered.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemorySettings {
    /// The most bytes that one proxy keeps.
    pub bytes: u32,
}

/// Some hundred thousand accounts of agents that call a few tools.
const BYTES: u32 = 64 << 20;

impl Default for MemorySettings {
    fn default() -> Self {
        Self { bytes: BYTES }
    }
}

impl MemorySettings {
    /// Whether it is the default, which is not serialized.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// The `history` section: what policies see of earlier calls.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HistorySettings {
    /// The windows that policies see, by name: `recent: 10m`.
    pub windows: BTreeMap<String, Span>,
    /// The sums of arguments that policies see in each window, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sums: BTreeMap<String, SumSettings>,
    /// How long the labels of data stay; one that is not here stays as long as the longest window.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, Span>,
    /// The attribute of a resource with the tenant of its data, by entity type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tenants: BTreeMap<String, String>,
    /// Whether different resources are counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resources: bool,
    /// Whether calls of the same tool with the same arguments are counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeats: bool,
}

/// A sum of an argument.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SumSettings {
    /// The tools whose calls are summed: `<server>/<tool>`, `class:<class>` or `server:<server>`.
    pub of: Vec<String>,
    /// The dotted path of the argument, a number of at least zero.
    pub argument: String,
}

/// One entry of the `budgets` section.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetSettings {
    /// The tools whose calls spend it, as in [`SumSettings::of`]; all, if absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of: Vec<String>,
    /// For whom or what it is counted separately; for the whole bundle, if empty.
    #[serde(default)]
    pub per: BTreeSet<Part>,
    /// What one call spends.
    #[serde(default)]
    pub amount: Spends,
    /// The limit of a window.
    pub limit: Amount,
    /// How long a window is.
    pub window: Span,
    /// The kind of the window.
    #[serde(default)]
    pub kind: Window,
    /// What happens to the amount of a call that its server did not get.
    #[serde(default)]
    pub unanswered: Unanswered,
    /// Whether, and how, a rate limit service counts it for several proxies together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global: Option<GlobalSettings>,
}

/// How a rate limit service counts a budget.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct GlobalSettings {
    /// How many decimals of an amount are counted; what is beyond is rounded up.
    pub decimals: u8,
    /// What happens if the service does not answer.
    pub unavailable: Unavailable,
}

/// What happens if the rate limit service does not answer.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unavailable {
    /// The call is refused.
    #[default]
    Refuse,
    /// The budget is the limit of what this proxy has counted itself.
    Local,
}

/// The `rate_limit_service` section: who counts global budgets.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimitSettings {
    /// The cluster of the service in the proxy's configuration.
    pub cluster: String,
    /// The domain of the limits.
    #[serde(default = "domain")]
    pub domain: String,
    /// How long to wait for an answer, in milliseconds.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u32,
}

fn domain() -> String {
    "toolgate".to_owned()
}

fn timeout_ms() -> u32 {
    100
}

/// For whom or what a budget is counted separately.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The principal's tenant.
    Tenant,
    /// Each of the principal's teams.
    Team,
    /// The principal.
    Principal,
    /// The actor.
    Actor,
    /// The transaction of the token, of this principal.
    Transaction,
    /// The tool.
    Tool,
    /// Each class of the tool.
    Class,
}

/// What one call spends.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Spends {
    /// One.
    #[default]
    Calls,
    /// The tool's `cost`; 1 if it has none.
    Cost,
    /// The argument at this dotted path, a number of at least zero.
    Argument(String),
}

/// The kind of a budget's window.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// It begins with the first call after the last window.
    Fixed,
    /// It reaches back from each call.
    #[default]
    Sliding,
    /// What is used becomes less all the time, by the limit in one window.
    TokenBucket,
}

/// What happens to the amount of a call that its server did not get.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unanswered {
    /// It stays spent.
    #[default]
    Keep,
    /// It is given back.
    GiveBack,
}

/// The `runaway` section: when an agent counts as running away.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RunawaySettings {
    /// How often a call with the same tool and arguments in a row counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identical: Option<u32>,
    /// How many refusals in how long count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusals: Option<Storm>,
    /// Which rate of calls counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
}

/// A storm of refusals.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Storm {
    /// The number of refusals that are a storm, if they come within [`Self::within`].
    pub count: u32,
    /// The time within which they come, at least a second.
    pub within: Span,
    /// How long the storm lasts after the last of them, at least a second.
    pub lasts: Span,
}

/// A rate of calls far above the usual.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// The least number of calls that come within [`Self::within`], the one in question included.
    pub count: u32,
    /// The time in which calls are counted, at least a second.
    pub within: Span,
    /// How many times the average of the time before they must exceed.
    pub times: u32,
    /// The time before, over which the average is taken, at least a second.
    pub over: Span,
}

/// A problem: the key in `bundle.yaml`, and what is wrong.
pub type Problem = (String, String);
