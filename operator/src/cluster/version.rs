//! Order of versions of one object.

/// Whether an object of version `new` takes the place of one of version `held`.
///
/// Versions grow (they are decimal numbers that can be compared, KEP-5504). A server that gives other texts is believed in the order in which it
/// tells them.
pub(super) fn supersedes(new: &str, held: &str) -> bool {
    match (new.parse::<u64>(), held.parse::<u64>()) {
        (Ok(new), Ok(held)) => new > held,
        _ => new != held,
    }
}
