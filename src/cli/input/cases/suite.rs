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
    /// How many of the files apply to every environment. The others apply to one.
    common: usize,
    /// The names of the cases for one environment.
    special: BTreeSet<String>,
}

/// Why test files cannot be run.
#[derive(Debug)]
pub enum SuiteError {
    /// They are invalid.
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
    /// Reads the test files for every environment and those for one. A case for one environment
    /// replaces the common case with the same name.
    ///
    /// # Errors
    ///
    /// All problems of all files.
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

    /// Every file with its content.
    pub fn files(&self) -> impl Iterator<Item = (&SourceFile, &CaseFile)> {
        self.files.iter().map(|(file, read)| (&**file, read))
    }

    /// Every case with its file and location.
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
