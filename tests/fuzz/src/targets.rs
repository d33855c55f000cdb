//! The targets.

mod approval;
mod arguments;
mod cases;
mod claims;
mod config;
mod json;
mod masked;
mod recovered;
mod request;
mod response;
mod sse;
mod tools;

/// A reader with invariants.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name, such as `request`.
    pub name: &'static str,
    run: fn(&[u8]),
    seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets.
pub const TARGETS: [Target; 12] = [
    Target { name: "approval", run: approval::run, seeds: approval::seeds },
    Target { name: "arguments", run: arguments::run, seeds: arguments::seeds },
    Target { name: "cases", run: cases::run, seeds: cases::seeds },
    Target { name: "claims", run: claims::run, seeds: claims::seeds },
    Target { name: "config", run: config::run, seeds: config::seeds },
    Target { name: "json", run: json::run, seeds: json::seeds },
    Target { name: "masked", run: masked::run, seeds: masked::seeds },
    Target { name: "recovered", run: recovered::run, seeds: recovered::seeds },
    Target { name: "request", run: request::run, seeds: request::seeds },
    Target { name: "response", run: response::run, seeds: response::seeds },
    Target { name: "sse", run: sse::run, seeds: sse::seeds },
    Target { name: "tools", run: tools::run, seeds: tools::seeds },
];

impl Target {
    /// The target of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TARGETS.into_iter().find(|target| target.name == name)
    }

    /// Runs the target.
    ///
    /// # Panics
    ///
    /// An invariant does not hold: the gate has a bug.
    pub fn run(&self, data: &[u8]) {
        (self.run)(data);
    }

    /// The inputs from which mutations start.
    #[must_use]
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        (self.seeds)()
    }
}
