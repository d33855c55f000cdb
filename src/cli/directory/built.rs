//! A bundle in either of its forms: the directory, or the document that was built of it.

use std::path::Path;

use super::{Opened, SourceMap, in_order};
use crate::bundle::{self, Document};
use crate::cli::files;
use crate::cli::report::Problem;

/// Opens a directory, or a document that `toolgate build` wrote.
///
/// # Errors
///
/// Every problem at once.
pub(in crate::cli) fn open_any(path: &Path) -> Result<Opened, Vec<Problem>> {
    match files::read(path) {
        Err(error) if error.is_directory() => super::open(path),
        Err(error) => {
            let help =
                "a bundle is a directory with a `bundle.yaml`, or what `toolgate build` wrote";
            Err(vec![Problem::new(error.to_string()).with_help(help)])
        }
        Ok(text) => open_document(path, &text),
    }
}

fn open_document(path: &Path, text: &str) -> Result<Opened, Vec<Problem>> {
    let name = path.display();
    let document: Document = serde_json::from_str(text).map_err(|error| {
        let help = "`toolgate build DIR -o FILE` writes one";
        vec![Problem::new(format!("`{name}` is no built bundle: {error}")).with_help(help)]
    })?;
    let map = SourceMap::default();
    let found = |findings: &[bundle::Finding]| -> Vec<Problem> {
        let named = findings.iter().map(|finding| {
            let problem = map.locate(finding);
            Problem { message: format!("`{name}`: {}", problem.message), ..problem }
        });
        in_order(named.collect())
    };
    match bundle::load(&document) {
        Ok(loaded) => {
            let warnings = found(&loaded.warnings);
            Ok(Opened { document, loaded, map, warnings })
        }
        Err(findings) => Err(found(&findings)),
    }
}
