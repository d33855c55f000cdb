//! The only module that accesses the file system. Every error names the path as the user wrote it.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the place that the lint sends everybody to"
)]

use std::fs;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// A path that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} `{}`: {}", path.display(), self.why())]
pub struct FileError {
    verb: &'static str,
    path: PathBuf,
    cause: io::Error,
}

impl FileError {
    fn reading(path: &Path, cause: io::Error) -> Self {
        Self { verb: "read", path: path.to_owned(), cause }
    }

    fn why(&self) -> String {
        // A file to be written need not exist, so its directory must be missing.
        let lacks_directory = self.verb == "write" && self.is_missing();
        match self.path.parent().filter(|_| lacks_directory) {
            Some(directory) => format!("the directory `{}` does not exist", directory.display()),
            None => plain(&self.cause),
        }
    }

    fn writing(path: &Path, cause: io::Error) -> Self {
        Self { verb: "write", path: path.to_owned(), cause }
    }

    /// Whether the path does not exist.
    pub fn is_missing(&self) -> bool {
        self.cause.kind() == io::ErrorKind::NotFound
    }
}

/// Short descriptions of the usual causes; the system's own message for all others.
#[expect(clippy::wildcard_enum_match_arm, reason = "a long list that decides nothing")]
fn plain(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::NotFound => "it does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::InvalidData => "it is not UTF-8".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        io::ErrorKind::NotADirectory => "it is not a directory".to_owned(),
        _ => cause.to_string(),
    }
}

/// A directory entry.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Entry {
    /// The entry's name.
    pub name: String,
    /// Whether it is a directory.
    pub is_dir: bool,
}

/// Reads a text file.
///
/// # Errors
///
/// The file does not exist, is not readable or is not UTF-8.
pub fn read(path: &Path) -> Result<String, FileError> {
    fs::read_to_string(path).map_err(|cause| FileError::reading(path, cause))
}

/// Whether the path is a file or a symbolic link to one.
pub fn is_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}

/// Reads all of standard input.
///
/// # Errors
///
/// Reading fails, or the input is not UTF-8.
pub fn read_stdin() -> Result<String, FileError> {
    let mut text = String::new();
    match io::stdin().lock().read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(cause) => Err(FileError::reading(Path::new("-"), cause)),
    }
}

/// The lines of a file, or of standard input if the path is `-`, without line endings.
///
/// # Errors
///
/// The file does not exist or is not readable; each item is an error if the line could not be read.
pub fn lines(
    path: &Path,
) -> Result<impl Iterator<Item = Result<Vec<u8>, FileError>> + use<>, FileError> {
    let reader: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let file = fs::File::open(path).map_err(|cause| FileError::reading(path, cause))?;
        Box::new(BufReader::new(file))
    };
    let path = path.to_owned();
    Ok(reader.split(b'\n').map(move |line| line.map_err(|cause| FileError::reading(&path, cause))))
}

/// Whether the path is a directory or a symbolic link to one.
pub fn is_directory(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// The entries of a directory, sorted by name, without hidden entries.
///
/// # Errors
///
/// The directory does not exist or is not readable, or a name in it is not UTF-8.
pub fn list(directory: &Path) -> Result<Vec<Entry>, FileError> {
    let error = |cause| FileError::reading(directory, cause);
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory).map_err(error)? {
        let entry = entry.map_err(error)?;
        let path = entry.path();
        // Follows symbolic links: a link to a directory counts as a directory.
        let metadata = fs::metadata(&path).map_err(|cause| FileError::reading(&path, cause))?;
        let Ok(name) = entry.file_name().into_string() else {
            return Err(FileError::reading(&path, io::ErrorKind::InvalidData.into()));
        };
        if !name.starts_with('.') {
            entries.push(Entry { name, is_dir: metadata.is_dir() });
        }
    }
    entries.sort_unstable();
    Ok(entries)
}

/// Replaces a file's content atomically, so that a watcher such as Envoy never reads a partial
/// file. Special files such as pipes are written to directly.
///
/// # Errors
///
/// The file or its directory is not writable.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let error = |cause| FileError::writing(path, cause);
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return fs::write(path, content).map_err(error);
    }
    let Some(name) = path.file_name() else {
        return Err(error(io::ErrorKind::IsADirectory.into()));
    };
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(".new");
    let beside = path.with_file_name(beside);
    fs::write(&beside, content).map_err(error)?;
    fs::rename(&beside, path).map_err(error)
}

/// A file that only its owner can read, and that grows by lines.
#[derive(Debug)]
pub struct Journal {
    file: fs::File,
    path: PathBuf,
}

impl Journal {
    /// Replaces a file's content in one step, and opens it for further lines.
    ///
    /// # Errors
    ///
    /// The file or its directory is not writable.
    pub fn create(path: &Path, content: &str) -> Result<Self, FileError> {
        let error = |cause| FileError::writing(path, cause);
        let Some(name) = path.file_name() else {
            return Err(error(io::ErrorKind::IsADirectory.into()));
        };
        let mut beside = std::ffi::OsString::from(".");
        beside.push(name);
        beside.push(".new");
        let beside = path.with_file_name(beside);
        // An old one may be readable by others.
        let _ = fs::remove_file(&beside);
        let mut options = fs::OpenOptions::new();
        options.append(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside).map_err(error)?;
        file.write_all(content.as_bytes()).and_then(|()| file.sync_data()).map_err(error)?;
        fs::rename(&beside, path).map_err(error)?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Adds a line, which is on the disk afterwards.
    ///
    /// # Errors
    ///
    /// The file is not writable, or the disk is full.
    pub fn add(&mut self, line: &str) -> Result<(), FileError> {
        let written = self.file.write_all(format!("{line}\n").as_bytes());
        let written = written.and_then(|()| self.file.sync_data());
        written.map_err(|cause| FileError::writing(&self.path, cause))
    }
}

/// Whether a path does not exist, or is an empty directory.
pub fn is_vacant(path: &Path) -> bool {
    match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Writes a file that does not exist yet, and the directories that lead to it.
///
/// # Errors
///
/// The file exists, or it or a directory is not writable.
pub fn write_new(path: &Path, text: &str) -> Result<(), FileError> {
    let error = |cause| FileError::writing(path, cause);
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(error)?;
    }
    let mut file = fs::File::create_new(path).map_err(error)?;
    file.write_all(text.as_bytes()).map_err(error)
}

/// Moves a directory to a vacant path.
///
/// # Errors
///
/// The path is not vacant, or its directory is not writable.
pub fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    fs::rename(from, to).map_err(|cause| FileError::writing(to, cause))
}

/// Removes a file.
///
/// # Errors
///
/// The file does not exist or its directory is not writable.
pub fn remove(path: &Path) -> Result<(), FileError> {
    fs::remove_file(path).map_err(|cause| FileError::writing(path, cause))
}

/// Removes a directory with everything in it, as far as that is possible.
pub fn remove_directory(path: &Path) {
    let _ = fs::remove_dir_all(path);
}
