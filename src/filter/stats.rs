//! Counters and the latency histogram in Envoy's stats.
//!
//! Names carry decision, reason and tool, which `stats_tags` in Envoy's bootstrap turn into tags.
//! Only tools of the inventory have a name of their own here, so no caller can add a counter.

use std::cell::{Cell, RefCell};
use std::time::SystemTime;

use hashbrown::{Equivalent, HashMap};
use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

use crate::reason::Reason;
use crate::record::{Flip, Record};

/// Metrics that were defined so far.
#[derive(Debug, Default)]
pub(super) struct Stats {
    calls: RefCell<HashMap<(Reason, String), u32>>,
    flips: RefCell<HashMap<String, u32>>,
    duration: Cell<Option<u32>>,
}

/// What is counted of a call, as long as nothing has to keep it.
#[derive(Hash)]
struct Counted<'a>(Reason, &'a str);

impl Equivalent<(Reason, String)> for Counted<'_> {
    fn equivalent(&self, (reason, tool): &(Reason, String)) -> bool {
        self.0 == *reason && self.1 == tool
    }
}

impl Stats {
    /// Counts decisions. A metric that Envoy does not take is not worth a refusal.
    pub(super) fn count(&self, records: &[Record]) {
        for record in records {
            self.call(record.reason, record.known_tool());
            for Flip { by, from, to } in record.flips() {
                let (from, to) = (from.token(), to.token());
                let tool = record.known_tool();
                self.flip(format!("toolgate.flips.by.{by}.from.{from}.to.{to}.tool.{tool}"));
            }
        }
    }

    fn call(&self, reason: Reason, tool: &str) {
        let mut calls = self.calls.borrow_mut();
        if let Some(id) = calls.get(&Counted(reason, tool)) {
            return increment(*id);
        }
        let decision = reason.decision().token();
        let reason_name = reason.as_str();
        let name = format!("toolgate.calls.decision.{decision}.reason.{reason_name}.tool.{tool}");
        if let Ok(id) = hostcalls::define_metric(MetricType::Counter, &name) {
            calls.insert((reason, tool.to_owned()), id);
            increment(id);
        }
    }

    fn flip(&self, name: String) {
        let mut flips = self.flips.borrow_mut();
        if let Some(id) = flips.get(&name) {
            return increment(*id);
        }
        if let Ok(id) = hostcalls::define_metric(MetricType::Counter, &name) {
            flips.insert(name, id);
            increment(id);
        }
    }

    /// Records how long the deciding step took, in microseconds.
    pub(super) fn duration(&self, began: Option<SystemTime>) {
        let (Some(began), Ok(now)) = (began, hostcalls::get_current_time()) else { return };
        let Ok(elapsed) = now.duration_since(began) else { return };
        if self.duration.get().is_none() {
            let name = "toolgate.decision_us";
            self.duration.set(hostcalls::define_metric(MetricType::Histogram, name).ok());
        }
        if let Some(id) = self.duration.get() {
            let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
            let _ = hostcalls::record_metric(id, micros);
        }
    }
}

fn increment(counter: u32) {
    let _ = hostcalls::increment_metric(counter, 1);
}
