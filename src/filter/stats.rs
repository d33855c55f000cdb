//! Counters and the latency histogram in Envoy's stats.
//!
//! Names carry decision, reason and tool, which `stats_tags` in Envoy's bootstrap turn into tags.
//! Only tools of the inventory have a name of their own here, so no caller can add a counter.

use std::cell::RefCell;
use std::time::SystemTime;

use hashbrown::HashMap;
use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

use crate::record::{Flip, Record};

/// Metrics that were defined so far, by name.
#[derive(Debug, Default)]
pub(super) struct Stats {
    defined: RefCell<HashMap<String, u32>>,
}

impl Stats {
    /// Counts decisions. A metric that Envoy does not take is not worth a refusal.
    pub(super) fn count(&self, records: &[Record]) {
        for record in records {
            let name = format!(
                "toolgate.calls.decision.{}.reason.{}.tool.{}",
                record.decision.token(),
                record.reason.as_str(),
                record.known_tool(),
            );
            self.increment(name);
            for Flip { by, from, to } in record.flips() {
                let (from, to) = (from.token(), to.token());
                let tool = record.known_tool();
                self.increment(format!("toolgate.flips.by.{by}.from.{from}.to.{to}.tool.{tool}"));
            }
        }
    }

    fn increment(&self, counter: String) {
        if let Some(id) = self.metric(MetricType::Counter, counter) {
            let _ = hostcalls::increment_metric(id, 1);
        }
    }

    /// Records how long the deciding step took, in microseconds.
    pub(super) fn duration(&self, began: Option<SystemTime>) {
        let (Some(began), Ok(now)) = (began, hostcalls::get_current_time()) else { return };
        let Ok(elapsed) = now.duration_since(began) else { return };
        let name = "toolgate.decision_us".to_owned();
        if let Some(id) = self.metric(MetricType::Histogram, name) {
            let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
            let _ = hostcalls::record_metric(id, micros);
        }
    }

    fn metric(&self, kind: MetricType, name: String) -> Option<u32> {
        let mut defined = self.defined.borrow_mut();
        if let Some(id) = defined.get(&name) {
            return Some(*id);
        }
        let id = hostcalls::define_metric(kind, &name).ok()?;
        defined.insert(name, id);
        Some(id)
    }
}
