//! The files of a corpus, from a directory or from an archive that is read in place.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{BufReader, Read as _};
use std::path::Path;

use flate2::bufread::GzDecoder;
use tar::Archive;

/// Files by their path within the corpus, with `/` as the separator.
#[derive(Debug, Default)]
pub(crate) struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    /// The files of a directory and its subdirectories.
    ///
    /// # Errors
    ///
    /// Names the file that cannot be read.
    pub(crate) fn of_directory(directory: &Path) -> Result<Self, String> {
        let mut files = Self::default();
        let mut open = vec![(directory.to_owned(), String::new())];
        while let Some((directory, prefix)) = open.pop() {
            for entry in about(&directory, fs::read_dir(&directory))? {
                let entry = about(&directory, entry)?;
                let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
                if entry.path().is_dir() {
                    open.push((entry.path(), format!("{name}/")));
                } else {
                    files.0.insert(name, read(&entry.path())?);
                }
            }
        }
        Ok(files)
    }

    /// The files of a `.tar.gz`, which is not unpacked.
    ///
    /// # Errors
    ///
    /// Names the part that cannot be read.
    pub(crate) fn of_archive(archive: &Path) -> Result<Self, String> {
        let compressed = BufReader::new(about(archive, File::open(archive))?);
        let mut files = Self::default();
        for entry in about(archive, Archive::new(GzDecoder::new(compressed)).entries())? {
            let mut entry = about(archive, entry)?;
            let name = about(archive, entry.path())?.to_string_lossy().into_owned();
            if entry.header().entry_type().is_file() {
                let mut bytes = Vec::new();
                about(archive, entry.read_to_end(&mut bytes))?;
                files.0.insert(name, bytes);
            }
        }
        Ok(files)
    }

    /// The content of a file, if it exists.
    pub(crate) fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// The content of a file, if it exists and is text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.bytes(name)?).ok()
    }

    /// All files, in the order of their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }
}

#[expect(clippy::disallowed_methods, reason = "a test that reads files")]
fn read(file: &Path) -> Result<Vec<u8>, String> {
    about(file, fs::read(file))
}

fn about<T>(file: &Path, result: Result<T, impl fmt::Display>) -> Result<T, String> {
    result.map_err(|error| format!("{}: {error}", file.display()))
}
