//! Reads and writes numbers in their order.

/// Reads numbers from the front of some bytes, of which there must be enough: zeros come out of what is not there.
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl Cursor<'_> {
    pub(super) fn array<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk() {
            Some((array, rest)) => {
                self.0 = rest;
                *array
            }
            None => [0; N],
        }
    }

    pub(super) fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.array())
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    pub(super) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    pub(super) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    pub(super) fn i64(&mut self) -> i64 {
        i64::from_le_bytes(self.array())
    }
}

/// Puts parts one behind the other into an array that they fill.
pub(super) fn fill<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut array = [0; N];
    let mut rest = &mut array[..];
    for part in parts {
        let taken = part.len().min(rest.len());
        let (place, behind) = rest.split_at_mut(taken);
        place.copy_from_slice(&part[..taken]);
        rest = behind;
    }
    array
}
