//! Runs the command beside a copy of the small bundle in a temporary directory.
#![expect(clippy::disallowed_methods, reason = "tests write what the command reads")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The result of a run.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
    command: String,
}

impl Run {
    /// The whole result, without digests, which change with the bundle's format.
    pub(super) fn transcript(&self) -> String {
        let Self { code, stdout, stderr, command } = self;
        let text =
            format!("$ {command}\nexit {code}\n\n==== stdout\n{stdout}\n==== stderr\n{stderr}");
        without_digests(&text)
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// A directory with the small bundle in `bundle`.
#[derive(Debug)]
pub(super) struct Sandbox {
    directory: TempDir,
}

impl Sandbox {
    pub(super) fn new() -> Self {
        let sandbox = Self { directory: TempDir::new().unwrap() };
        let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/bundle");
        copy(&bundle, &sandbox.path("bundle"));
        sandbox
    }

    /// The small bundle with edits: file, old text, new text.
    pub(super) fn with(edits: &[(&str, &str, &str)]) -> Self {
        let sandbox = Self::new();
        for (file, old, new) in edits {
            sandbox.replace(&format!("bundle/{file}"), old, new);
        }
        sandbox
    }

    /// Replaces a part of a file.
    pub(super) fn replace(&self, file: &str, old: &str, new: &str) {
        let text = self.read(file);
        assert!(text.contains(old), "`{old}` is not in {file}");
        self.write(file, &text.replacen(old, new, 1));
    }

    /// Copies a directory within the sandbox.
    pub(super) fn copy(&self, from: &str, to: &str) {
        copy(&self.path(from), &self.path(to));
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    pub(super) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(super) fn remove(&self, path: &str) {
        fs::remove_file(self.path(path)).unwrap();
    }

    /// Runs a command line, split at spaces outside of quotes.
    pub(super) fn run(&self, line: &str) -> Run {
        self.run_with(line, "", &[])
    }

    pub(super) fn run_with(&self, line: &str, stdin: &str, environment: &[(&str, &str)]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_toolgate"));
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        let mut child = command
            .args(split(line))
            .envs(environment.iter().copied())
            .current_dir(self.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read its input may have closed it already.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        Run {
            code: output.status.code().expect("no signal"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            command: format!("toolgate {line}"),
        }
    }
}

/// Splits words and single-quoted texts.
fn split(line: &str) -> Vec<&str> {
    let parts = line.split('\'').enumerate();
    parts
        .flat_map(
            |(position, part)| {
                if position % 2 == 0 { part.split_whitespace().collect() } else { vec![part] }
            },
        )
        .collect()
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A text without digests, which change with the bundle's format.
pub(super) fn without_digests(text: &str) -> String {
    let digests = regex::Regex::new("sha256:[0-9a-f]{64}").unwrap();
    digests.replace_all(text, "sha256:…").into_owned()
}

/// Compares a transcript with the one in `tests/cli/snapshots`.
#[track_caller]
pub(super) fn check(name: &str, run: &Run) {
    check_text(name, &run.transcript());
}

/// Compares a text with the one in `tests/cli/snapshots`.
#[track_caller]
pub(super) fn check_text(name: &str, text: &str) {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
