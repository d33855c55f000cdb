//! The format of a test file.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::approved::ApprovedBy;
use super::call::Call;
use super::earlier::{Earlier, Preceding};
use super::expect::Expect;
use super::request::{Identity, RawRequest, Sent, time};
use crate::bundle::{Bundle, Code};
use crate::cli::input::yaml::{self, KeySpans};
use crate::cli::output::fuzzy_match;
use crate::cli::output::report::Problem;
use crate::cli::output::source::{Location, SourceFile};
use crate::exchange::Arrival;

/// A test file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// The identities, by a name that is local to this file.
    #[serde(default)]
    pub identities: BTreeMap<String, Identity>,
    /// The cases.
    pub cases: Vec<Case>,
}

/// A request and its expected outcome.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The name of the case, which describes it.
    pub name: String,
    /// The caller's identity; anonymous if absent.
    #[serde(default, rename = "as")]
    pub identity: Option<String>,
    /// A call in the usual form.
    #[serde(default)]
    pub call: Option<Call>,
    /// Any other request.
    #[serde(default)]
    pub request: Option<RawRequest>,
    /// The time of arrival.
    #[serde(default, deserialize_with = "time")]
    pub time: Option<DateTime<Utc>>,
    /// The source address.
    #[serde(default)]
    pub source_ip: Option<IpAddr>,
    /// The requests before it.
    #[serde(default)]
    pub after: Vec<Earlier>,
    /// The approval of the call.
    #[serde(default)]
    pub approved: Option<ApprovedBy>,
    /// The result with which the server answers.
    #[serde(default)]
    pub result: Option<Value>,
    /// The expected outcome.
    pub expect: Expect,
}

/// Reads a test file.
///
/// # Errors
///
/// The file is not YAML of this form, or a case refers to an undefined identity.
pub fn read(file: &Arc<SourceFile>) -> Result<CaseFile, Vec<Problem>> {
    let mut read: CaseFile = yaml::read(file).map_err(|problem| vec![advised(problem)])?;
    let places = KeySpans::of(file);
    let mut names = BTreeSet::new();
    let mut problems = Vec::new();
    for (position, case) in read.cases.iter_mut().enumerate() {
        let mut problem = |key: &str, message: String, help: Option<String>| {
            let span = places.find(&format!("cases.{position}.{key}"));
            let place = span.map_or_else(|| Location::whole(file), |span| Location::at(file, span));
            let problem = Problem::at(place, message).with_code(Code::TestFile);
            problems.push(Problem { help, ..problem });
        };
        if !names.insert(&case.name) {
            problem("name", format!("another case of this file is named `{}`", case.name), None);
        }
        if let Some(name) =
            case.identity.as_ref().filter(|name| !read.identities.contains_key(*name))
        {
            let help = fuzzy_match::did_you_mean(name, read.identities.keys().map(String::as_str));
            problem("as", format!("`{name}` is not in `identities`"), help);
        }
        if let Some(approved) = &mut case.approved {
            if let Some(identity) = read.identities.get(&approved.by) {
                approved.approver.clone_from(identity);
            } else {
                let names = read.identities.keys().map(String::as_str);
                let help = fuzzy_match::did_you_mean(&approved.by, names);
                let message = format!("`{}` is not in `identities`", approved.by);
                problem("approved.by", message, help);
            }
        }
        for (place, earlier) in case.after.iter().enumerate() {
            if let Err(message) = earlier.check() {
                problem(&format!("after.{place}"), message.to_owned(), None);
            }
            let unknown = |name: &&String| !read.identities.contains_key(*name);
            if let Some(name) = earlier.identity.as_ref().filter(unknown) {
                let names = read.identities.keys().map(String::as_str);
                let help = fuzzy_match::did_you_mean(name, names);
                problem(
                    &format!("after.{place}.as"),
                    format!("`{name}` is not in `identities`"),
                    help,
                );
            }
        }
        if case.result.is_some() != case.expect.result.is_some() {
            let message = "a case has both `result`, what the server answers, and `expect.result`, what the caller gets";
            problem("name", message.to_owned(), None);
        }
        if let Err(message) = case.sent(case.call.as_ref()).check() {
            problem("name", message.to_owned(), None);
        }
    }
    if problems.is_empty() { Ok(read) } else { Err(problems) }
}

/// A problem with what to write for a missing key.
fn advised(problem: Problem) -> Problem {
    let of_expect = "an `expect` needs `decision`, `reason` and `policies`";
    let help = match yaml::missing_key(&problem.message) {
        Some("cases") => "a test file has `identities` and `cases`; `toolgate test --help` shows \
                          one, and with `cases: []` the command suggests some"
            .to_owned(),
        Some("name") => "every case has a `name` that describes it".to_owned(),
        Some("expect") => {
            "write what must come of it, such as `expect: { decision: PERMIT, reason: permitted, \
             policies: [<id>] }`"
                .to_owned()
        }
        Some("decision") => format!("{of_expect}: write `PERMIT`, `DENY`, `SILENCE` or `ESCALATE`"),
        Some("reason") => {
            format!(
                "{of_expect}: write `permitted`, `forbidden`, `not_permitted` or another reason"
            )
        }
        Some("policies") => format!(
            "{of_expect}: write exactly the policies that determine it, `policies: [<id>]`, and \
             `policies: []` if none does"
        ),
        _ => return problem,
    };
    problem.with_help(help)
}

impl Case {
    /// The request of the case as it arrives at a gate with this bundle.
    pub fn arrival(&self, identity: Option<&Identity>, bundle: &Bundle) -> (Arrival, Vec<u8>) {
        let call = self.call.as_ref().map(|call| call.on_the_wire(bundle));
        let (arrival, body) = self.sent(call.as_ref()).arrival(identity);
        let approval = self.approved.as_ref().and_then(|it| it.accepted(bundle, arrival.time));
        (Arrival { approval, ..arrival }, body)
    }

    /// The requests before it, the earliest first, as they arrive.
    pub fn earlier(&self, file: &CaseFile, bundle: &Bundle) -> Vec<Preceding> {
        let identity = self.identity.as_ref().and_then(|name| file.identities.get(name));
        let time = self.sent(self.call.as_ref()).time();
        let mut earlier: Vec<&Earlier> = self.after.iter().collect();
        earlier.sort_by_key(|earlier| std::cmp::Reverse(earlier.ago));
        let arrivals = earlier.into_iter().flat_map(|earlier| {
            let preceding = earlier.arrival((&file.identities, identity), time, bundle);
            (0..earlier.times).map(move |_| preceding.clone())
        });
        arrivals.collect()
    }

    fn sent<'a>(&'a self, call: Option<&'a Call>) -> Sent<'a> {
        let request = self.request.as_ref();
        Sent { call, request, time: self.time, source_ip: self.source_ip }
    }
}
