//! The protocol of a rate limit service.
//!
//! The messages are those of version 3 of the service that Envoy defines,
//! [`envoy.service.ratelimit.v3`](https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/ratelimit/v3/rls.proto).
//! Only the fields that are used are here.

use prost::Message as _;

use super::settings::RateLimitSettings;
use super::{Key, Millis, Name, Plan};

/// What a call spends of a global budget.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Charge {
    pub(super) budget: usize,
    pub(super) key: Key,
    pub(super) part: Name,
    pub(super) amount: i64,
}

/// A question to the rate limit service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Query {
    /// The cluster of the service.
    pub cluster: String,
    /// How long to wait for the answer, in milliseconds.
    pub timeout: u32,
    /// The encoded `RateLimitRequest`.
    pub message: Vec<u8>,
}

/// What the rate limit service says about a charge.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// It is within the limit, and is counted.
    Within,
    /// It would exceed the limit. The window ends in so many milliseconds, if the service says so.
    Over(Option<Millis>),
    /// It is more than the limit itself, so the service is not asked.
    Never,
    /// The service did not answer, or not what it should; the text says why.
    Unavailable(String),
    /// There is no service: the budget is counted here. Only edges without a proxy answer so.
    CountHere,
}

/// The limit of a global budget, as a service has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GlobalLimit<'a> {
    /// The budget.
    pub budget: &'a str,
    /// The limit in hits.
    pub hits: u32,
    /// The window in seconds.
    pub seconds: u64,
}

impl Plan {
    /// The limits of all global budgets, and the domain that they are in.
    pub fn global_limits(&self) -> (&str, impl Iterator<Item = GlobalLimit<'_>>) {
        let limits = self.budgets.iter().filter_map(|budget| {
            let hits = budget.global.as_ref()?.limit;
            Some(GlobalLimit { budget: &budget.title, hits, seconds: budget.millis() / 1000 })
        });
        (self.service.as_ref().map_or("", |service| service.domain.as_str()), limits)
    }

    /// The question about a charge.
    ///
    /// # Errors
    ///
    /// The answer, if there is no need to ask.
    pub fn query(&self, charge: &Charge) -> Result<Query, Answer> {
        let missing = || Answer::Unavailable("no service counts the budget".to_owned());
        let budget = self.budgets.get(charge.budget).ok_or_else(missing)?;
        let global = budget.global.as_ref().ok_or_else(missing)?;
        let service = self.service.as_ref().ok_or_else(missing)?;
        let hits = global.hits(charge.amount).ok_or(Answer::Never)?;
        // A service counts no hits as one.
        if hits == 0 {
            return Err(Answer::Within);
        }
        let whose = format!("{:032x}{:016x}", charge.key.owner, charge.part.0);
        let descriptor = Descriptor {
            entries: vec![Entry::of("budget", &budget.title), Entry::of("whose", &whose)],
            limit: Some(Limit { requests_per_unit: global.limit, unit: global.window }),
        };
        let domain = service.domain.clone();
        Ok(service.query(&Request { domain, descriptors: vec![descriptor], hits_addend: hits }))
    }
}

impl RateLimitSettings {
    /// The question whether an approval is used for the first time by any proxy; its answer counts it.
    ///
    /// A service may count in windows that begin for all keys at once, and an approval may be used at
    /// the end of one. So it is counted in two windows, which end together only every 2190 days.
    pub fn first_use(&self, request: &str) -> Query {
        let once = |(name, unit): (&str, i32)| Descriptor {
            entries: vec![Entry::of(USE_OF_APPROVAL, name), Entry::of("whose", request)],
            limit: Some(Limit { requests_per_unit: 1, unit }),
        };
        let descriptors = [(PER_MONTH, MONTH), ("per_year", YEAR)].map(once).into();
        self.query(&Request { domain: self.domain.clone(), descriptors, hits_addend: 1 })
    }

    fn query(&self, request: &Request) -> Query {
        Query {
            cluster: self.cluster.clone(),
            timeout: self.timeout_ms,
            message: request.encode_to_vec(),
        }
    }
}

/// The key in descriptors of the use of an approval.
pub const USE_OF_APPROVAL: &str = "approval";
/// Its value in the first of them, with which a limit of its own can count it.
pub const PER_MONTH: &str = "per_month";
/// `RateLimitUnit`
const MONTH: i32 = 5;
const YEAR: i32 = 6;

impl Answer {
    /// Reads an encoded `RateLimitResponse`. Only an explicit `OK` is within the limit, and only of a
    /// limit: a service that tells statuses tells the limit in them, and permits what it has none for.
    pub fn read(message: &[u8]) -> Self {
        let response = match Response::decode(message) {
            Ok(response) => response,
            Err(error) => return Self::Unavailable(error.to_string()),
        };
        match response.overall_code {
            OK if response.statuses.iter().any(|status| status.current_limit.is_none()) => {
                Self::Unavailable("the service has no limit for it".to_owned())
            }
            OK => Self::Within,
            OVER_LIMIT => {
                let resets = response.statuses.iter().filter_map(|status| status.until_reset);
                let resets = resets.filter_map(|span| {
                    let seconds = u64::try_from(span.seconds).ok()?.saturating_mul(1000);
                    Some(seconds.saturating_add(u64::try_from(span.nanos).ok()? / 1_000_000))
                });
                Self::Over(resets.max())
            }
            code => Self::Unavailable(format!("the service answers with code {code}")),
        }
    }
}

/// `RateLimitResponse.Code`
const OK: i32 = 1;
const OVER_LIMIT: i32 = 2;

/// `envoy.service.ratelimit.v3.RateLimitRequest`
#[derive(Clone, PartialEq, prost::Message)]
struct Request {
    #[prost(string, tag = "1")]
    domain: String,
    #[prost(message, repeated, tag = "2")]
    descriptors: Vec<Descriptor>,
    #[prost(uint32, tag = "3")]
    hits_addend: u32,
}

/// `envoy.extensions.common.ratelimit.v3.RateLimitDescriptor`
#[derive(Clone, PartialEq, prost::Message)]
struct Descriptor {
    #[prost(message, repeated, tag = "1")]
    entries: Vec<Entry>,
    #[prost(message, optional, tag = "2")]
    limit: Option<Limit>,
}

/// `RateLimitDescriptor.Entry`
#[derive(Clone, PartialEq, prost::Message)]
struct Entry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

impl Entry {
    fn of(key: &str, value: &str) -> Self {
        Self { key: key.to_owned(), value: value.to_owned() }
    }
}

/// `RateLimitDescriptor.RateLimitOverride`
#[derive(Clone, PartialEq, prost::Message)]
struct Limit {
    #[prost(uint32, tag = "1")]
    requests_per_unit: u32,
    #[prost(int32, tag = "2")]
    unit: i32,
}

/// `envoy.service.ratelimit.v3.RateLimitResponse`
#[derive(Clone, PartialEq, prost::Message)]
struct Response {
    #[prost(int32, tag = "1")]
    overall_code: i32,
    #[prost(message, repeated, tag = "2")]
    statuses: Vec<Status>,
}

/// `RateLimitResponse.DescriptorStatus`
#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    /// Its members do not matter here.
    #[prost(message, optional, tag = "2")]
    current_limit: Option<()>,
    #[prost(message, optional, tag = "4")]
    until_reset: Option<prost_types::Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::tests::{global, plan};
    use crate::memory::{Key, Name, Secret};

    #[test]
    fn a_charge_is_a_descriptor_with_its_limit() {
        let plan = plan(&global()).unwrap();
        let key = Key { owner: 7, ..Key::of(&"somebody", &Secret::default()) };
        let charge = |amount| Charge { budget: 0, key, part: Name(8), amount };
        let query = plan.query(&charge(123_401)).unwrap();
        let request = Request::decode(query.message.as_slice()).unwrap();
        let [descriptor] = request.descriptors.as_slice() else { panic!() };
        let entries = descriptor.entries.iter();
        let entries: Vec<_> =
            entries.map(|entry| (entry.key.as_str(), entry.value.as_str())).collect();
        let whose = "000000000000000000000000000000070000000000000008";
        assert_eq!(entries, [("budget", "refunds"), ("whose", whose)]);
        // A part of a cent is counted as one; days are unit 4.
        assert_eq!((request.domain.as_str(), request.hits_addend), ("tools", 1235));
        assert_eq!(descriptor.limit, Some(Limit { requests_per_unit: 200_050, unit: 4 }));
        assert_eq!(plan.query(&charge(0)), Err(Answer::Within));
        assert!(plan.query(&charge(20_005_000)).is_ok());
        assert_eq!(plan.query(&charge(20_005_001)), Err(Answer::Never));
        assert_eq!(plan.query(&charge(i64::MAX)), Err(Answer::Never));
    }

    #[test]
    fn an_approval_is_counted_once_in_two_windows() {
        let service: RateLimitSettings =
            serde_json::from_value(serde_json::json!({ "cluster": "limits" })).unwrap();
        let request = Request::decode(service.first_use("r-1").message.as_slice()).unwrap();
        let told = request.descriptors.iter().map(|descriptor| {
            let Limit { requests_per_unit, unit } = descriptor.limit.clone().unwrap();
            assert_eq!((requests_per_unit, &*descriptor.entries[1].value), (1, "r-1"));
            (descriptor.entries[0].value.as_str(), unit)
        });
        assert_eq!(told.collect::<Vec<_>>(), [("per_month", MONTH), ("per_year", YEAR)]);
        assert_eq!(request.hits_addend, 1);
    }

    #[test]
    fn only_ok_is_within_the_limit() {
        let response = |overall_code, spans: &[(i64, i32)]| {
            let duration = |(seconds, nanos): &(i64, i32)| {
                let (seconds, nanos) = (*seconds, *nanos);
                Status {
                    current_limit: Some(()),
                    until_reset: Some(prost_types::Duration { seconds, nanos }),
                }
            };
            let statuses = spans.iter().map(duration).collect();
            Answer::read(&Response { overall_code, statuses }.encode_to_vec())
        };
        assert_eq!(response(1, &[(5, 0)]), Answer::Within);
        let unlimited = Status { current_limit: None, until_reset: None };
        let unlimited = Response { overall_code: OK, statuses: vec![unlimited] };
        assert!(matches!(Answer::read(&unlimited.encode_to_vec()), Answer::Unavailable(_)));
        assert_eq!(response(1, &[]), Answer::Within, "not every service tells statuses");
        assert_eq!(response(2, &[(5, 0), (7, 1_000_000)]), Answer::Over(Some(7001)));
        assert_eq!(response(2, &[(-5, 0)]), Answer::Over(None));
        for unknown in [response(0, &[]), response(3, &[]), Answer::read(&[]), Answer::read(b"?")] {
            assert!(matches!(unknown, Answer::Unavailable(_)), "{unknown:?}");
        }
    }
}
