//! All test files of a bundle, and how each case went.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Case, CaseFile, Mismatch, Outcome, read, run};
use crate::cli::files::{self, FileError};
use crate::cli::report::{Place, Problem, SourceFile};
use crate::cli::yaml::Places;
use crate::exchange::Arrival;
use crate::gate::Gate;

/// The test files of a bundle.
#[derive(Debug)]
pub struct Suite {
    files: Vec<(Arc<SourceFile>, CaseFile)>,
    /// How many of the files are for every environment. The rest is for one.
    common: usize,
    /// The names of the cases that are for one environment.
    special: BTreeSet<String>,
}

/// A case, how it went, and where it stands.
#[derive(Debug)]
pub struct Verdict<'a> {
    /// The case.
    pub case: &'a Case,
    /// Where it stands.
    pub place: Place,
    /// What it sent.
    pub asked: Asked,
    /// What came of it.
    pub outcome: Option<Outcome>,
    /// How the outcome differs from what must come; empty when the case passed.
    pub mismatches: Vec<Mismatch>,
    /// What is wrong with the gate itself.
    pub fault: Option<String>,
}

/// A request as it arrived.
#[derive(Debug)]
pub struct Asked {
    /// Its head, and who sent it.
    pub arrival: Arrival,
    /// Its body.
    pub body: Vec<u8>,
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
    /// Reads test files: those for every environment, and those for one. A case for one stands in
    /// for the case for all that has its name.
    ///
    /// # Errors
    ///
    /// Every problem of every file at once.
    pub fn read(common: &[PathBuf], special: &[PathBuf]) -> Result<Self, SuiteError> {
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        for path in common.iter().chain(special) {
            let text = files::read(path).map_err(SuiteError::File)?;
            let file = Arc::new(SourceFile::new(path.display().to_string(), text));
            match read(&file) {
                Ok(cases) => files.push((file, cases)),
                Err(found) => problems.extend(found),
            }
        }
        if !problems.is_empty() {
            return Err(SuiteError::Invalid(problems));
        }
        let common = common.len();
        let special = files.iter().skip(common).flat_map(|(_, read)| &read.cases);
        let special = special.map(|case| case.name.clone()).collect();
        Ok(Self { files, common, special })
    }

    /// Every file with what it says.
    pub fn files(&self) -> impl Iterator<Item = (&SourceFile, &CaseFile)> {
        self.files.iter().map(|(file, read)| (&**file, read))
    }

    /// Every case with its file and place.
    pub fn cases(&self) -> impl Iterator<Item = (&CaseFile, &Case, Place)> {
        self.files.iter().enumerate().flat_map(move |(index, (file, read))| {
            let places = Places::of(file);
            let replaced =
                move |case: &Case| index < self.common && self.special.contains(&case.name);
            let cases = read.cases.iter().enumerate().filter(move |(_, case)| !replaced(case));
            cases.map(move |(position, case)| {
                let span = places.find(&format!("cases.{position}.name"));
                let place = span.map_or_else(|| Place::whole(file), |span| Place::at(file, span));
                (read, case, place)
            })
        })
    }

    /// Runs every case.
    pub fn run(&self, gate: &Gate) -> Vec<Verdict<'_>> {
        self.cases().map(|(file, case, place)| Verdict::of(gate, file, case, place)).collect()
    }
}

impl<'a> Verdict<'a> {
    /// Runs a case.
    pub fn of(gate: &Gate, file: &'a CaseFile, case: &'a Case, place: Place) -> Self {
        let identity = case.identity.as_ref().and_then(|name| file.identities.get(name));
        let (arrival, body) = case.sent().arrival(identity);
        let run = run(gate, &arrival, &body);
        let (outcome, fault) = match run {
            Ok(outcome) => (Some(outcome), None),
            Err(fault) => (None, Some(fault)),
        };
        let mismatches = outcome.iter().flat_map(|outcome| case.expect.compare(outcome)).collect();
        Self { case, place, asked: Asked { arrival, body }, outcome, mismatches, fault }
    }

    /// Whether everything came as it must.
    pub fn passed(&self) -> bool {
        self.mismatches.is_empty() && self.fault.is_none()
    }
}
