//! Opens a document built by `toolgate build`.

use std::path::Path;

use super::opened::{Opened, in_order};
use super::source_map::SourceMap;
use super::{advice, elsewhere};
use crate::bundle::{self, Document};
use crate::cli::files;
use crate::cli::output::report::Problem;
use crate::json;

/// Reads a built document and loads it as the filter would.
pub(super) fn open(path: &Path) -> Result<Opened, Vec<Problem>> {
    let text = files::read(path).map_err(|error| vec![Problem::new(error.to_string())])?;
    let name = path.display();
    let document: Document = json::unique(&text)
        .and_then(|()| serde_json::from_str(&text))
        .map_err(|error| vec![elsewhere::no_document(path, &error)])?;
    let changed = changed(&name.to_string(), &document);
    let map = SourceMap::default();
    let found = |findings: &[bundle::Finding]| -> Vec<Problem> {
        let named = findings.iter().map(|finding| {
            let problem = map.locate(&advice::given(finding, &document));
            Problem { message: format!("`{name}`: {}", problem.message), ..problem }
        });
        in_order(named.collect())
    };
    match bundle::load(&document) {
        Ok(loaded) if changed.is_empty() => {
            let warnings = found(&loaded.warnings);
            Ok(Opened { document, loaded, map, warnings })
        }
        Ok(_) => Err(changed),
        Err(findings) => Err([changed, found(&findings)].concat()),
    }
}

/// Signatures for another digest. The others are not verified here, since that requires the trusted
/// keys.
fn changed(name: &str, document: &Document) -> Vec<Problem> {
    let digest = document.digest();
    let others = document.signatures.iter().filter(|signature| signature.digest != digest);
    let problems = others.map(|other| {
        let (key, signed) = (&other.key, &other.digest);
        let message = format!(
            "`{name}` has changed since the key {key} signed it: {signed} was signed, this is {digest}"
        );
        Problem::new(message).with_help("build it again, and sign that")
    });
    problems.collect()
}
