//! All test files of a bundle.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::format::{Case, CaseFile, read};
use crate::cli::files::{self, FileError};
use crate::cli::input::yaml::KeySpans;
use crate::cli::output::exit::Stop;
use crate::cli::output::report::Problem;
use crate::cli::output::source::{Location, SourceFile};

/// The test files of a bundle.
#[derive(Debug)]
pub struct Suite {
    files: Vec<(Arc<SourceFile>, CaseFile)>,
    /// How many of the files are for every environment. The rest is for one.
    common: usize,
    /// The names of the cases that are for one environment.
    special: BTreeSet<String>,
}

/// Why test files cannot be run.
#[derive(Debug)]
pub enum SuiteError {
    /// They are not what test files must be.
    Invalid(Vec<Problem>),
    /// One of them cannot be read.
    File(FileError),
}

impl From<SuiteError> for Stop {
    fn from(error: SuiteError) -> Self {
        match error {
            SuiteError::Invalid(problems) => Self::Invalid(problems),
            SuiteError::File(error) => Self::File(error),
        }
    }
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
    pub fn cases(&self) -> impl Iterator<Item = (&CaseFile, &Case, Location)> {
        self.files.iter().enumerate().flat_map(move |(index, (file, read))| {
            let places = KeySpans::of(file);
            let replaced =
                move |case: &Case| index < self.common && self.special.contains(&case.name);
            let cases = read.cases.iter().enumerate().filter(move |(_, case)| !replaced(case));
            cases.map(move |(position, case)| {
                let span = places.find(&format!("cases.{position}.name"));
                let place =
                    span.map_or_else(|| Location::whole(file), |span| Location::at(file, span));
                (read, case, place)
            })
        })
    }
}
