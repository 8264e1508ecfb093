//! Hands transactions to next hops.
