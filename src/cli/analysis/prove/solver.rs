//! Runs the solver, a separate process that decides whether one condition implies another.

use std::error::Error;
use std::ffi::OsString;
use std::io;
use std::time::Duration;

use cedar_policy::{PolicySet, RequestEnv, Schema};
use cedar_policy_symcc::solver::LocalSolver;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicySet, Env, err};
use tokio::process::Command;
use tokio::runtime::Runtime;

/// The environment variable with the solver's path.
const VARIABLE: &str = "CVC5";

/// A solver that can be started.
#[derive(Debug)]
pub(super) struct Prover {
    runtime: Runtime,
    executable: OsString,
    timeout: Duration,
    /// Started on first use, and again after a failure.
    running: Option<CedarSymCompiler<LocalSolver>>,
}

impl Prover {
    /// Starts a solver.
    ///
    /// # Errors
    ///
    /// There is none; the message tells where it was searched.
    pub(super) fn start(timeout: Duration) -> Result<Self, String> {
        let named = std::env::var_os(VARIABLE).filter(|name| !name.is_empty());
        let place = named.as_ref().map_or_else(
            || format!("`cvc5` is not in PATH, and {VARIABLE} names no other place"),
            |name| format!("{VARIABLE} names `{}`, which does not start", name.to_string_lossy()),
        );
        let executable = named.unwrap_or_else(|| "cvc5".into());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let mut prover = Self { runtime, executable, timeout, running: None };
        let started = prover.solver().map_err(|error| {
            if is_missing(&*error) { place } else { format!("{place}: {}", chain(&*error)) }
        })?;
        prover.running = Some(started);
        Ok(prover)
    }

    /// A call that `stronger` permits and `weaker` does not; `None` if it is proved that there is
    /// none.
    ///
    /// # Errors
    ///
    /// The solver found no result, or failed.
    pub(super) fn implies(
        &mut self,
        schema: &Schema,
        env: &RequestEnv,
        stronger: &PolicySet,
        weaker: &PolicySet,
    ) -> Result<Option<Box<Env>>, String> {
        let compiled = |policies| {
            CompiledPolicySet::compile(policies, env, schema).map_err(|error| {
                let reason = if let err::Error::PolicyNotWellTyped { errs } = &error {
                    errs.first().map_or_else(String::new, ToString::to_string)
                } else {
                    chain(&error)
                };
                format!("the policies do not fit the new bundle's schema: {reason}")
            })
        };
        let (stronger, weaker) = (compiled(stronger)?, compiled(weaker)?);
        let mut solver = match self.running.take() {
            Some(solver) => solver,
            None => self.solver().map_err(|error| chain(&*error))?,
        };
        // The solver has its own limit; this one is for a solver that does not observe it.
        let patience = self.timeout.saturating_mul(2).saturating_add(Duration::from_secs(5));
        let question = solver.check_implies_with_counterexample_opt(&stronger, &weaker);
        let answer =
            self.runtime.block_on(async { tokio::time::timeout(patience, question).await });
        match answer {
            Ok(Ok(found)) => {
                self.running = Some(solver);
                Ok(found.map(Box::new))
            }
            Ok(Err(err::Error::SolverUnknown)) => {
                self.running = Some(solver);
                Err(self.undecided())
            }
            Ok(Err(error)) => Err(format!("the solver failed: {}", chain(&error))),
            Err(_) => Err(self.undecided()),
        }
    }

    fn undecided(&self) -> String {
        format!("the solver did not find out within {} s", self.timeout.as_secs())
    }

    fn solver(&self) -> Result<CedarSymCompiler<LocalSolver>, Box<dyn Error>> {
        let limit = format!("--tlimit-per={}", self.timeout.as_millis());
        let mut command = Command::new(&self.executable);
        command.args(["--lang", "smt", &limit]).kill_on_drop(true);
        // A child process must be awaited in the runtime that started it.
        let _inside = self.runtime.enter();
        Ok(CedarSymCompiler::new(LocalSolver::from_command(&mut command)?)?)
    }
}

/// Whether the executable does not exist, which needs no further explanation.
fn is_missing(error: &dyn Error) -> bool {
    causes(error).any(|cause| {
        let cause = cause.downcast_ref::<io::Error>();
        cause.is_some_and(|cause| cause.kind() == io::ErrorKind::NotFound)
    })
}

fn causes(error: &dyn Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&error| error.source())
}

/// An error with all its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let causes = causes(error).map(|cause| format!(": {cause}"));
    std::iter::once(error.to_string()).chain(causes).collect()
}
