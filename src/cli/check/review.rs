//! Loads and checks a bundle without an environment and in each of its environments.

use std::collections::HashSet;
use std::path::Path;

use crate::bundle::{Code, EnvironmentName};
use crate::cli::analysis::lint::{self, Reviewed};
use crate::cli::files;
use crate::cli::input::cases::{Suite, SuiteError};
use crate::cli::input::directory::{self, Opened};
use crate::cli::output::exit::Stop;
use crate::cli::output::report::Problem;

/// Checks the bundle in the given environment, or else without one and in all of them.
///
/// # Errors
///
/// If any of them does not load: the problems of all of them, without duplicates.
pub(super) fn all(
    path: &Path,
    environment: Option<&EnvironmentName>,
) -> Result<(Vec<Opened>, Reviewed), Stop> {
    let names = if let Some(name) = environment {
        vec![Some(name.clone())]
    } else {
        let environments = directory::environments(path).into_iter().map(Some);
        std::iter::once(None).chain(environments).collect()
    };
    let (mut all, mut reviews) = (Vec::new(), Vec::new());
    for name in &names {
        let reviewed = match directory::open_for(path, name.as_ref()) {
            Ok(opened) => {
                let (suite, unread) = suite(path, name.as_ref())?;
                let mut reviewed = lint::review(&opened, suite.as_ref());
                reviewed.open.extend(unread);
                all.push(opened);
                reviewed
            }
            Err(open) => Reviewed { open, ..Reviewed::default() },
        };
        reviews.push((name.as_ref(), reviewed));
    }
    let reviewed = together(reviews);
    if all.len() < names.len() { Err(reviewed.open.into()) } else { Ok((all, reviewed)) }
}

/// The test cases that run in an environment, or their problems. A built bundle has none.
fn suite(
    path: &Path,
    environment: Option<&EnvironmentName>,
) -> Result<(Option<Suite>, Vec<Problem>), Stop> {
    if files::is_file(path) {
        return Ok((None, Vec::new()));
    }
    let special = directory::tests_for(path, environment)?;
    match Suite::read(&directory::tests(path)?, &special) {
        Ok(suite) => Ok((Some(suite), Vec::new())),
        Err(SuiteError::Invalid(problems)) => Ok((None, problems)),
        Err(SuiteError::File(error)) => Err(error.into()),
    }
}

/// Merges the findings of all environments without duplicates.
fn together(reviews: Vec<(Option<&EnvironmentName>, Reviewed)>) -> Reviewed {
    let key = |problem: &Problem| {
        let place = problem.place.as_ref().map(ToString::to_string);
        (problem.code, problem.at.clone(), problem.message.clone(), place)
    };
    let is_stale = |problem: &Problem| problem.code == Some(Code::StaleAcceptance);
    // An acceptance may apply to a single environment.
    let stale: Vec<HashSet<_>> = reviews
        .iter()
        .map(|(_, reviewed)| reviewed.open.iter().filter(|p| is_stale(p)).map(key).collect())
        .collect();
    let (mut seen, mut together) = (HashSet::new(), Reviewed::default());
    for (environment, reviewed) in reviews {
        for problem in reviewed.open {
            let key = key(&problem);
            let useful = !is_stale(&problem) || stale.iter().all(|stale| stale.contains(&key));
            if useful && seen.insert(key) {
                together.open.push(directory::named(problem, environment));
            }
        }
        for (problem, reason) in reviewed.accepted {
            if seen.insert(key(&problem)) {
                together.accepted.push((problem, reason));
            }
        }
    }
    together
}
