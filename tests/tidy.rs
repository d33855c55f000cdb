//! Checks statements of the documents about the source tree.

use std::fs;
use std::path::{Path, PathBuf};

use toolgate::bundle::Code;
use toolgate::reason::Reason;

const LONGEST_FILE: usize = 400;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    #[expect(clippy::disallowed_methods, reason = "tests read the tree itself")]
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Rust files below a directory, as paths relative to the root.
fn rust_files(directory: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(directory)];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    assert!(!found.is_empty());
    found.sort();
    found
}

/// Asserts that a word occurs in no source file outside of the allowed paths.
#[track_caller]
fn only_in(word: &str, allowed: &[&str]) {
    for file in rust_files("src") {
        let exempt = allowed.iter().any(|allowed| file.starts_with(Path::new("src").join(allowed)));
        assert!(exempt || !read(&file).contains(word), "{} names `{word}`", file.display());
    }
}

#[test]
fn the_core_is_pure() {
    only_in("proxy_wasm", &["filter.rs", "filter"]);
    only_in("std::fs", &["cli/files.rs"]);
    only_in("SystemTime", &["filter", "filter.rs", "cli", "cli.rs"]);
    only_in("getrandom", &["filter"]);
    for word in ["static mut", "thread_local", "RefCell"] {
        only_in(word, &["filter", "cli", "json/canonical.rs"]);
    }
    // Allowed: the names of Cedar's functions; results of parsing a text, which never change; caches.
    only_in("LazyLock", &["filter", "cli", "policy/value.rs"]);
    only_in("OnceLock", &["cli", "bundle/layer.rs", "policy/compiled.rs"]);
    let caches =
        ["bundle/listed.rs", "gate/sender_cache.rs", "memory/kept.rs", "policy/native/cache.rs"];
    only_in("Mutex", &[&["cli"], &caches[..]].concat());
}

#[test]
fn only_decide_makes_permits() {
    for file in
        rust_files("src").iter().filter(|file| !file.to_string_lossy().starts_with("src/decide"))
    {
        assert!(!read(file).contains("Permit {"), "{}", file.display());
    }
}

#[test]
fn files_stay_short() {
    for file in ["envoy", "src", "tests"].into_iter().flat_map(rust_files) {
        let lines = read(&file).lines().count();
        assert!(lines <= LONGEST_FILE, "{} has {lines} lines", file.display());
    }
}

#[test]
fn every_reason_is_documented() {
    let page = read("src/record.md");
    for reason in Reason::ALL {
        let row = format!("| `{}` | {} |", reason.as_str(), reason.decision().as_str());
        assert!(page.contains(&row), "no row `{row}` in record.md");
    }
    let rows = page.lines().filter(|line| {
        ["| PERMIT |", "| DENY |", "| SILENCE |", "| ESCALATE |"]
            .iter()
            .any(|word| line.contains(word))
    });
    assert_eq!(rows.count(), Reason::ALL.len());
}

#[test]
fn every_finding_is_documented() {
    let page = read("src/findings.md");
    let documented: Vec<String> = page
        .split("\n# ")
        .skip(1)
        .flat_map(|part| {
            let severity = part.lines().next().unwrap().trim_end_matches('s').to_lowercase();
            part.split("\n## ").skip(1).map(move |section| {
                let mut lines = section.lines().filter(|line| !line.is_empty());
                let (code, title) = (lines.next().unwrap(), lines.next().unwrap());
                assert!(lines.next().is_some(), "{code} has a title only");
                format!("{severity} {code} {title}")
            })
        })
        .collect();
    let codes = Code::ALL
        .iter()
        .map(|code| format!("{} `{code}` {}", code.severity().as_str(), code.title()));
    assert_eq!(documented, codes.collect::<Vec<_>>());
}

#[test]
fn every_field_of_the_record_is_documented() {
    let source = read("src/record.rs");
    let body = source.split("pub struct Record {").nth(1).unwrap().split("\n}").next().unwrap();
    let fields =
        body.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.split(':').next());
    let page = read("src/record.md");
    let table = page.split("# Reasons").next().unwrap();
    let documented: Vec<&str> =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert_eq!(documented, fields.collect::<Vec<_>>());
}

#[test]
fn every_module_is_on_the_map_and_every_file_there_exists() {
    let map = read("ARCHITECTURE.md");
    let picture = map.split("```mermaid").nth(1).unwrap().split("```").next().unwrap();
    for line in read("src/lib.rs").lines() {
        let module = line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod "));
        let Some(module) = module.and_then(|module| module.strip_suffix(';')) else { continue };
        let mut words = picture.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let known = words.any(|word| word == module);
        assert!(known || module == "fixture", "`{module}` is not in the picture");
    }
    let named = map.split('`').filter(|text| text.contains('/') && !text.contains(' '));
    for path in named.filter(|text| text.contains('.') || text.starts_with("envoy/")) {
        assert!(root().join(path).exists(), "there is no `{path}`");
    }
}

#[test]
fn lifecycle_methods_are_documented() {
    let source = read("src/mcp/housekeeping.rs");
    let table = source.split("#[cfg(test)]").next().unwrap();
    let page = read("src/bundle.md");
    let quoted = table.split('"').filter(|text| {
        *text == "ping" || *text == "initialize" || text.starts_with("notifications/")
    });
    for method in quoted.chain(["tools/list", "server/discover"]) {
        assert!(page.contains(&format!("`{method}`")), "{method}");
    }
}

#[test]
fn links_in_documents_lead_somewhere() {
    for page in ["README.md", "ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md"] {
        for link in read(page).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let local = !link.starts_with("http") && !link.starts_with('#');
            assert!(!local || root().join(link).exists(), "{page} links to {link}");
        }
    }
}

#[test]
fn every_end_to_end_test_is_in_their_table() {
    let page = read("tests/e2e/README.md");
    let files = std::fs::read_dir(root().join("tests/e2e")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    for name in names.filter(|name| name.starts_with("test_")) {
        assert!(page.contains(&format!("\n| `{name}` | ")), "{name}");
    }
}

#[test]
fn the_policy_that_the_readme_shows_is_one_of_the_example() {
    let readme = read("README.md");
    let shown = readme.split("```cedar\n").nth(1).and_then(|rest| rest.split("```").next());
    assert!(read("policies/acme/org/payments.cedar").contains(shown.unwrap()));
}

#[test]
fn the_benchmark_compiles_its_filters_as_the_filter_is() {
    let profile = |file: &str| {
        let manifest = read(file);
        let (_, rest) = manifest.split_once("[profile.wasm]\n").unwrap();
        let settings = rest.split("\n[").next().unwrap().lines();
        settings.filter(|line| line.contains(" = ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let own = profile("Cargo.toml");
    assert!(own.contains(&"lto = true".to_owned()));
    assert_eq!(profile("tests/bench/Cargo.toml"), own);
}
