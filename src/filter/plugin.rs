//! One configured plugin on one worker: loads a configuration into its gate.

use std::rc::Rc;

use log::{error, info};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{BufferType, ContextType};

use super::approvals::Held;
use super::host;
use super::random::Random;
use super::stats::Stats;
use super::stream::Stream;
use crate::config;
use crate::gate::Gate;
use crate::memory::Slot;

/// One configured plugin on one worker.
#[derive(Debug, Default)]
pub(super) struct Plugin {
    gate: Option<Rc<Gate>>,
    stats: Rc<Stats>,
    random: Rc<Random>,
    held: Rc<Held>,
}

impl Context for Plugin {}

impl RootContext for Plugin {
    /// Returning `false` makes Envoy reject the configuration and keep the current one. Envoy tests
    /// every configuration in a VM on its main thread before passing it to the workers.
    fn on_configure(&mut self, size: usize) -> bool {
        self.configure(size).map_err(|reason| error!("{reason}")).is_ok()
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(
            self.gate.clone(),
            Rc::clone(&self.stats),
            Rc::clone(&self.random),
            Rc::clone(&self.held),
        )))
    }
}

impl Plugin {
    fn configure(&mut self, length: usize) -> Result<(), String> {
        let config = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, length)
            .map_err(|status| format!("the configuration could not be read: status {status:?}"))?
            .unwrap_or_default();
        let gate = config::load(&config, &host::gate_id(), host::now()?);
        let mut gate = gate.map_err(|error| error.to_string())?;
        host::declare()?;
        host::begin_sharing()?;
        if gate.bundle.binds_sessions {
            gate = gate.with_sessions(host::session_key()?);
        }
        if gate.bundle.memory.is_some() {
            host::begin_memory(Slot::of_accounts())?;
            if gate.bundle.binds_tasks {
                host::begin_memory(Slot::of_tasks())?;
            }
        }
        if gate.bundle.approvals.is_some() {
            host::begin_memory(Slot::of_approvals())?;
        }
        if gate.bundle.memory.is_some() || gate.bundle.approvals.is_some() {
            gate = gate.storing_by(&host::memory_secret()?);
        }
        if gate.bundle.issuer.is_some() {
            gate = gate.signing_with(host::signer()?);
        }
        let mode = if gate.bundle.shadow.is_some() { "in shadow" } else { "in force" };
        info!("bundle {} is {mode}", gate.bundle.id);
        if let Some(candidate) = &gate.candidate {
            info!("bundle {} is a candidate", candidate.bundle.id);
        }
        self.gate = Some(Rc::new(gate));
        Ok(())
    }
}
