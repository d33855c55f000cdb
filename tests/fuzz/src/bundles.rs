//! The bundles of the tree, loaded once, with the callers and the cases of their test files.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use toolgate::bundle::Document;
use toolgate::cli::input::cases::{self, CaseFile, Identity};
use toolgate::cli::input::directory;
use toolgate::cli::output::source::SourceFile;
use toolgate::gate::Gate;

use crate::tree;

/// A bundle of the tree.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) gate: Gate,
    pub(crate) document: Document,
    /// The callers of all cases; the first is nobody.
    pub(crate) callers: Vec<Option<Identity>>,
    pub(crate) cases: Vec<CaseFile>,
}

static LOADED: LazyLock<Vec<Loaded>> =
    LazyLock::new(|| tree::bundles().iter().map(|path| load(path)).collect());

/// All bundles of the tree; the example is the first.
pub(crate) fn all() -> &'static [Loaded] {
    &LOADED
}

/// The bundle that a byte chooses.
pub(crate) fn chosen(byte: u8) -> &'static Loaded {
    let all = all();
    &all[usize::from(byte) % all.len()]
}

impl Loaded {
    /// The caller that a byte chooses.
    pub(crate) fn caller(&self, byte: u8) -> Option<&Identity> {
        self.callers[usize::from(byte) % self.callers.len()].as_ref()
    }
}

fn load(path: &Path) -> Loaded {
    let opened = directory::open(path).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let files = tree::cases(path);
    let read = |path: &PathBuf| {
        let file = Arc::new(SourceFile::new(path.display().to_string(), tree::text(path)));
        cases::read(&file).unwrap_or_else(|problems| panic!("{problems:#?}"))
    };
    let cases: Vec<CaseFile> = files.iter().map(read).collect();
    let known = cases.iter().flat_map(|file| file.identities.values().cloned().map(Some));
    let callers = std::iter::once(None).chain(known).take(256).collect();
    let gate = Gate::new(opened.loaded.bundle, String::new());
    Loaded { gate, document: opened.document, callers, cases }
}
