//! Counters and the latency histogram in Envoy's stats, defined lazily.

use std::cell::{Cell, RefCell};
use std::time::SystemTime;

use hashbrown::HashMap;
use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

use crate::exchange::{Counter, DURATION};

/// The metrics defined so far.
#[derive(Debug, Default)]
pub(super) struct Stats {
    counters: RefCell<HashMap<Counter, u32>>,
    duration: Cell<Option<u32>>,
}

impl Stats {
    /// Increments a counter. A metric that Envoy rejects does not refuse the request.
    pub(super) fn count(&self, counter: Counter) {
        let mut counters = self.counters.borrow_mut();
        let id = counters.get(&counter).copied();
        let id = id.or_else(|| {
            let id = hostcalls::define_metric(MetricType::Counter, &counter.to_string()).ok()?;
            counters.insert(counter, id);
            Some(id)
        });
        if let Some(id) = id {
            let _ = hostcalls::increment_metric(id, 1);
        }
    }

    /// Records the duration of the deciding step in microseconds.
    pub(super) fn duration(&self, began: Option<SystemTime>) {
        let (Some(began), Ok(now)) = (began, hostcalls::get_current_time()) else { return };
        let Ok(elapsed) = now.duration_since(began) else { return };
        if self.duration.get().is_none() {
            self.duration.set(hostcalls::define_metric(MetricType::Histogram, DURATION).ok());
        }
        if let Some(id) = self.duration.get() {
            let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
            let _ = hostcalls::record_metric(id, micros);
        }
    }
}
