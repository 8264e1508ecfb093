//! Which files hold manifests.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Most files that a folder may hold, sub-folders included.
const MAX_FILES: usize = 20_000;
/// How deep sub-folders are followed.
const MAX_DEPTH: usize = 8;

/// Why the files can't be listed.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A path can't be read.
    #[error("{path}: {source}")]
    Io {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Far more files than manifests of one operator.
    #[error("{0}: holds over {MAX_FILES} files; is it the right folder?")]
    TooMany(PathBuf),
}

/// `path` itself when it is a file; every `.yaml`, `.yml` and `.json` below it when it is a folder, sorted. Hidden ones are left out.
pub fn files_of(path: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let metadata = fs::metadata(path).map_err(|source| SourceError::Io { path: path.to_owned(), source })?;
    if !metadata.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    collect(path, 0, &mut files)?;
    if files.len() > MAX_FILES {
        return Err(SourceError::TooMany(path.to_owned()));
    }
    files.sort();
    Ok(files)
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), SourceError> {
    let io_error = |source| SourceError::Io { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(io_error)? {
        let entry = entry.map_err(io_error)?;
        let path = entry.path();
        if files.len() > MAX_FILES || entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() {
            if depth < MAX_DEPTH {
                collect(&path, depth + 1, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml" || extension == "json") {
            files.push(path);
        }
    }
    Ok(())
}
