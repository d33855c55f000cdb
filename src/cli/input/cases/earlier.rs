//! The calls that come before the request of a case.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::call::Call;
use super::request::{Identity, RawRequest, Sent};
use crate::bundle::Bundle;
use crate::exchange::Arrival;
use crate::memory::Span;

/// A request some time before that of a case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Earlier {
    /// How long before.
    pub ago: Span,
    /// The caller's identity; that of the case if absent.
    #[serde(default, rename = "as")]
    pub identity: Option<String>,
    /// How often it is made.
    #[serde(default = "once")]
    pub times: u32,
    /// Whether the server answers its calls with an error.
    #[serde(default)]
    pub fails: bool,
    /// A call in the usual form.
    #[serde(default)]
    pub call: Option<Call>,
    /// Any other request.
    #[serde(default)]
    pub request: Option<RawRequest>,
}

/// A request before another one, as it arrives.
#[derive(Clone, Debug)]
pub struct Preceding {
    /// Its headers, and when they come.
    pub arrival: Arrival,
    /// Its body.
    pub body: Vec<u8>,
    /// Whether the server answers its calls with an error.
    pub fails: bool,
}

fn once() -> u32 {
    1
}

impl Earlier {
    /// Checks the request as written in the test file.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        self.sent(self.call.as_ref(), None).check()
    }

    /// The request as it arrives, by the caller of the case unless it has another one.
    pub(super) fn arrival<'a>(
        &self,
        (identities, identity): (&'a BTreeMap<String, Identity>, Option<&'a Identity>),
        time: DateTime<Utc>,
        bundle: &Bundle,
    ) -> Preceding {
        let own = self.identity.as_ref().and_then(|name| identities.get(name));
        let time = i64::try_from(self.ago.millis()).ok().and_then(|millis| {
            time.checked_sub_signed(chrono::TimeDelta::try_milliseconds(millis)?)
        });
        let call = self.call.as_ref().map(|call| call.on_the_wire(bundle));
        let (arrival, body) = self.sent(call.as_ref(), time).arrival(own.or(identity));
        Preceding { arrival, body, fails: self.fails }
    }

    fn sent<'a>(&'a self, call: Option<&'a Call>, time: Option<DateTime<Utc>>) -> Sent<'a> {
        Sent { call, request: self.request.as_ref(), time, source_ip: None }
    }
}
