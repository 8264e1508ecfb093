//! Manifests: the resources as people keep them, in YAML files.
//!
//! A folder stands in for a cluster's API: it gives the same [`Inventory`](crate::inventory::Inventory), and refuses what the API would
//! refuse, with the file, the field and the mend.

mod document;
mod folder;
mod problem;
mod sources;

pub use folder::{Folder, Reading};
pub use problem::Problem;
pub use sources::{SourceError, files_of};
