//! What several tests share.

pub(crate) mod header_oracle;
