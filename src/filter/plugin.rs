//! One configured plugin on one worker, and the way of a configuration into its gate.
//!
//! Envoy tries every configuration in a VM of its own first, which loads it at once and tells what
//! is wrong with it. A worker has calls to decide meanwhile. It lays out a large one bit by bit,
//! and the gate that is in force decides until that is done.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use log::{error, info};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{BufferType, ContextType};

use super::entropy::Entropy;
use super::notes::Note;
use super::stats::Stats;
use super::{Stream, host};
use crate::config::{Gate, Loading, Progress, Seats, Sitter};

/// From how many bytes on a configuration is large. Those below load in a millisecond or two.
const LARGE: usize = 256 * 1024;

/// How many bytes of a large one are worked on before calls have their turn: about half a
/// millisecond's work.
const PIECE: usize = 96 * 1024;

/// How long calls have their turn, at least.
const PAUSE: Duration = Duration::from_millis(1);

thread_local! {
    static SEATS: RefCell<Seats> = RefCell::default();
}

/// One configured plugin on one worker.
#[derive(Debug, Default)]
pub(super) struct Plugin {
    gate: Option<Rc<Gate>>,
    /// What is to take the gate's place.
    loading: Option<Box<Loading>>,
    sitter: Sitter,
    stats: Rc<Stats>,
    entropy: Rc<Entropy>,
}

impl Context for Plugin {
    /// Envoy would go on with the ticks of a plugin that it has deleted.
    fn on_done(&mut self) -> bool {
        if self.loading.take().is_some() {
            tick(Duration::ZERO);
        }
        true
    }
}

impl RootContext for Plugin {
    /// Returning `false` makes Envoy reject the configuration and keep the one in force.
    fn on_configure(&mut self, size: usize) -> bool {
        self.configure(size).map_err(|reason| error!("{reason}")).is_ok()
    }

    fn on_tick(&mut self) {
        let Some(loading) = self.loading.take() else { return };
        match loading.advance(PIECE) {
            Progress::Going(loading) => self.loading = Some(loading),
            Progress::Done(gate) => {
                tick(Duration::ZERO);
                match gate {
                    Ok(gate) => self.install(Rc::from(gate)),
                    Err(error) => {
                        // Some VM has loaded these bytes, and this one had better not go on with
                        // others. Without a gate, every request is refused.
                        error!("{error}");
                        self.gate = None;
                    }
                }
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        self.sitter.is_called();
        let (stats, entropy) = (Rc::clone(&self.stats), Rc::clone(&self.entropy));
        Some(Box::new(Stream::new(self.gate.clone(), stats, entropy)))
    }
}

impl Plugin {
    fn configure(&mut self, length: usize) -> Result<(), String> {
        let config = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, length)
            .map_err(|status| format!("the configuration could not be read: status {status:?}"))?
            .unwrap_or_default();
        let (site, now) = (host::site(), host::now()?);
        let before = SEATS.with_borrow_mut(|seats| {
            let (sitter, before) = seats.next(&site.plugin);
            self.sitter = sitter;
            before
        });
        self.loading = None;
        let note = Note::about(&config);
        match (note.as_ref().and_then(Note::read), before) {
            (Some(known), Some(before))
                if config.len() >= LARGE && before.stands_in_for(&known) && tick(PAUSE) =>
            {
                info!("bundle {} decides until {} is laid out", before.bundle.id, known.bundle);
                self.gate = Some(before);
                self.loading = Some(Box::new(Loading::of(config, known, site, now)));
            }
            (known, _) => {
                let is_new = known.is_none();
                let gate = Gate::from_known_config(&config, known, &site, now);
                let gate = gate.map_err(|error| error.to_string())?;
                if let Some(note) = note.filter(|_| is_new) {
                    note.write(&gate);
                }
                self.install(Rc::new(gate));
            }
        }
        Ok(())
    }

    fn install(&mut self, gate: Rc<Gate>) {
        let mode = if gate.bundle.shadow.is_some() { "in shadow" } else { "in force" };
        info!("bundle {} is {mode}", gate.bundle.id);
        if let Some(candidate) = &gate.candidate {
            info!("bundle {} is a candidate", candidate.bundle.id);
        }
        self.sitter.decides_by(&gate);
        self.gate = Some(gate);
    }
}

/// Has Envoy call again and again after such a time, or no more if it is zero.
fn tick(period: Duration) -> bool {
    let set = hostcalls::set_tick_period(period);
    set.map_err(|status| error!("a period of {period:?} failed with status {status:?}")).is_ok()
}
