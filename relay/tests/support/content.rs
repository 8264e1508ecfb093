//! Content for messages of any size that takes no memory of its own: each is a walk, from another start, round the same random bytes.

use std::sync::LazyLock;

/// A prime, so that no two blocks of a walk are alike.
const ROUND: usize = 1_000_003;

static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(ROUND).collect()
});

/// What stands at `at` in message `seed`: 1 to `most` bytes.
pub(crate) fn stretch(seed: usize, at: usize, most: usize) -> &'static [u8] {
    let start = (seed * 7919 + at) % ROUND;
    &BYTES[start..ROUND.min(start + most)]
}

/// Whether `chunk` is what stands at `at` in message `seed`.
pub(crate) fn is_stretch(seed: usize, at: usize, chunk: &[u8]) -> bool {
    let mut compared = 0;
    while compared < chunk.len() {
        let expected = stretch(seed, at + compared, chunk.len() - compared);
        if !chunk[compared..].starts_with(expected) {
            return false;
        }
        compared += expected.len();
    }
    true
}
