//! One configuration that is loaded, proven and in use.
