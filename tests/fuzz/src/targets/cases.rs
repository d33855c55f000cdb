//! Test files: what reads runs, and problems are where the file has them.

use std::sync::Arc;

use toolgate::cli::analysis::run::in_pieces;
use toolgate::cli::input::cases::{self, CaseFile};
use toolgate::cli::output::report;
use toolgate::cli::output::source::SourceFile;
use toolgate::gate::Gate;
use toolgate::memory::Store;

use crate::{bundles, tree};

/// So many cases of a file are run.
const SOME: usize = 8;

pub(super) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let file = Arc::new(SourceFile::new("a.yaml", text));
    match cases::read(&file) {
        Ok(read) => run_all(&bundles::chosen(0).gate, &read),
        Err(problems) => {
            assert!(!problems.is_empty());
            assert!(!report::human(&problems).is_empty());
            assert!(problems.iter().all(|problem| problem.to_json().is_object()));
        }
    }
}

fn run_all(gate: &Gate, file: &CaseFile) {
    for case in file.cases.iter().take(SOME) {
        let identity = case.identity.as_ref().and_then(|name| file.identities.get(name));
        let (arrival, body) = case.arrival(identity, &gate.bundle);
        in_pieces(gate, &arrival, &body, &Store::default())
            .unwrap_or_else(|error| panic!("{error}"));
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let files = tree::bundles().into_iter().flat_map(|bundle| tree::cases(&bundle));
    files.map(|path| tree::text(&path).into_bytes()).collect()
}
