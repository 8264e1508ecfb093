//! What is wrong with a manifest.

use std::fmt;

use postern_crds::FieldError;

/// Something that is wrong with a manifest, where it stands, and what mends it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, as it was named or relative to its folder.
    pub file: String,
    /// Which document of the file, from 1; `None` when the file as a whole can't be read.
    pub document: Option<usize>,
    /// `KIND NAMESPACE/NAME`, as far as it could be read.
    pub resource: Option<String>,
    /// What is wrong, naming the field, and what mends it.
    pub text: String,
}

impl Problem {
    pub(super) fn of_file(file: &str, text: impl Into<String>) -> Self {
        Self { file: file.to_owned(), document: None, resource: None, text: text.into() }
    }

    pub(super) fn of_field(file: &str, document: usize, resource: Option<String>, error: &FieldError) -> Self {
        Self { file: file.to_owned(), document: Some(document), resource, text: error.to_string() }
    }
}

/// `FILE (document N), KIND NAMESPACE/NAME: TEXT`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(document) = self.document.filter(|document| *document > 1) {
            write!(f, " (document {document})")?;
        }
        if let Some(resource) = &self.resource {
            write!(f, ", {resource}")?;
        }
        write!(f, ": {}", self.text)
    }
}
