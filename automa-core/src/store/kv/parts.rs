//! Long values in short rows: what does not fit into one row lies in several.
//!
//! A stored value begins with one byte: 0, and the value follows; 1, and the number of its parts follows, which lie in
//! rows of their own.

use super::{Change, Row, keys};
use crate::error::{Error, Result};

/// The longest value that is kept in one row. Sled writes up to about twenty neighbouring rows as one page and keeps
/// pages above 128 KiB in files that it does not sync; twenty of these stay below.
pub(super) const PART_BYTES: usize = 4 * 1024;

const WHOLE: u8 = 0;
const SPLIT: u8 = 1;

/// The rows that keep `value` under `key`, the row of `key` first.
pub(super) fn split(key: Vec<u8>, value: &[u8]) -> Vec<Change> {
    if value.len() <= PART_BYTES {
        return vec![(key, Some([&[WHOLE], value].concat()))];
    }
    let parts = value.chunks(PART_BYTES);
    let count = parts.len() as u32;
    let mut rows = vec![(key.clone(), Some([&[SPLIT][..], &count.to_be_bytes()].concat()))];
    rows.extend(parts.zip(0..).map(|(part, number)| (keys::part(&key, number), Some(part.to_vec()))));
    rows
}

/// How many rows of parts belong to a stored value.
pub(super) fn count(stored: &[u8]) -> u32 {
    match stored {
        [SPLIT, count @ ..] => count.try_into().map_or(0, u32::from_be_bytes),
        _ => 0,
    }
}

/// The value of `key`, of which `stored` was read. `range` reads rows between two keys, up to a number of them.
pub(super) fn join(
    key: &[u8],
    mut stored: Vec<u8>,
    range: impl FnOnce(&[u8], &[u8], usize) -> Result<Vec<Row>>,
) -> Result<Vec<u8>> {
    match stored.first() {
        Some(&WHOLE) => {
            stored.remove(0);
            Ok(stored)
        }
        Some(&SPLIT) => {
            let count = count(&stored);
            let rows = range(&keys::part(key, 0), &keys::part(key, count), count as usize)?;
            if rows.len() != count as usize {
                let text = format!("{}: {} of its {count} parts are there", keys::name_of(key), rows.len());
                return Err(Error::Damaged(text));
            }
            Ok(rows.into_iter().fold(Vec::with_capacity(count as usize * PART_BYTES), |mut value, (_, part)| {
                value.extend_from_slice(&part);
                value
            }))
        }
        _ => Err(Error::Damaged(format!("{}: its row is empty or of an unknown form", keys::name_of(key)))),
    }
}
