//! All test files of a bundle, run, and which policies they reached.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;

use cedar_policy::Effect;

use super::{Case, CaseFile, Mismatch, read, run};
use crate::bundle::{Bundle, LayerName};
use crate::cli::files::{self, FileError};
use crate::cli::report::{Place, Problem, SourceFile};
use crate::cli::yaml::Places;
use crate::config::Gate;

/// The test files of a bundle.
#[derive(Debug)]
pub struct Suite {
    files: Vec<(Rc<SourceFile>, CaseFile)>,
}

/// A case, how it went, and where it stands.
#[derive(Debug)]
pub struct Verdict<'a> {
    /// The case.
    pub case: &'a Case,
    /// Where it stands.
    pub place: Place,
    /// How the outcome differs from what must come; empty when the case passed.
    pub mismatches: Vec<Mismatch>,
    /// What is wrong with the gate itself.
    pub fault: Option<String>,
}

impl Verdict<'_> {
    /// Whether everything came as it must.
    pub fn passed(&self) -> bool {
        self.mismatches.is_empty() && self.fault.is_none()
    }
}

/// A policy, and how many cases it determined.
#[derive(Debug)]
pub struct Coverage {
    /// The layer.
    pub layer: LayerName,
    /// The policy's id.
    pub policy: String,
    /// Whether it permits or forbids.
    pub effect: Effect,
    /// The cases whose outcome it determined.
    pub cases: usize,
}

/// Why test files cannot be run.
#[derive(Debug)]
pub enum SuiteError {
    /// They are not what test files must be.
    Invalid(Vec<Problem>),
    /// One of them cannot be read.
    File(FileError),
}

impl Suite {
    /// Reads test files.
    ///
    /// # Errors
    ///
    /// Every problem of every file at once.
    pub fn read(paths: &[PathBuf]) -> Result<Self, SuiteError> {
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        for path in paths {
            let text = files::read(path).map_err(SuiteError::File)?;
            let file = Rc::new(SourceFile { name: path.display().to_string(), text });
            match read(&file) {
                Ok(cases) => files.push((file, cases)),
                Err(found) => problems.extend(found),
            }
        }
        if problems.is_empty() { Ok(Self { files }) } else { Err(SuiteError::Invalid(problems)) }
    }

    /// Every case with its file and place.
    pub fn cases(&self) -> impl Iterator<Item = (&CaseFile, &Case, Place)> {
        self.files.iter().flat_map(|(file, read)| {
            let places = Places::of(file);
            read.cases.iter().enumerate().map(move |(position, case)| {
                let span = places.find(&format!("cases.{position}.name"));
                let place = span.map_or_else(|| Place::whole(file), |span| Place::at(file, span));
                (read, case, place)
            })
        })
    }

    /// Runs every case.
    pub fn run(&self, gate: &Gate) -> (Vec<Verdict<'_>>, Vec<Coverage>) {
        let mut reached = Reached::of(&gate.bundle);
        let verdicts = self.cases().map(|(file, case, place)| {
            let identity = case.identity.as_ref().and_then(|name| file.identities.get(name));
            let (arrival, body) = case.sent().arrival(identity);
            match run(gate, &arrival, &body) {
                Ok(outcome) => {
                    reached.count(&outcome.policies);
                    let mismatches = case.expect.compare(&outcome);
                    Verdict { case, place, mismatches, fault: None }
                }
                Err(fault) => Verdict { case, place, mismatches: Vec::new(), fault: Some(fault) },
            }
        });
        let verdicts = verdicts.collect();
        (verdicts, reached.0.into_values().collect())
    }
}

/// Policies by id.
struct Reached(BTreeMap<String, Coverage>);

impl Reached {
    fn of(bundle: &Bundle) -> Self {
        let policies = bundle.all_layers().iter().flat_map(|layer| {
            layer.policies.policies().map(|policy| Coverage {
                layer: layer.name.clone(),
                policy: policy.id().to_string(),
                effect: policy.effect(),
                cases: 0,
            })
        });
        Self(policies.map(|coverage| (coverage.policy.clone(), coverage)).collect())
    }

    fn count(&mut self, policies: &BTreeSet<String>) {
        for policy in policies {
            if let Some(coverage) = self.0.get_mut(policy) {
                coverage.cases = coverage.cases.saturating_add(1);
            }
        }
    }
}
