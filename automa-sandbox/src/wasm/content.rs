//! The bytes of one file in memory, in pieces: what was never written takes no memory.

/// The size of one piece, in bytes.
const PIECE: usize = 64 * 1024;

/// The bytes of a file. A piece that is shorter than it could be, or not there, goes on with zeros.
#[derive(Debug, Default)]
pub(super) struct Content {
    pieces: Vec<Vec<u8>>,
    len: u64,
}

impl Content {
    /// The length of the file.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Up to `length` bytes from `offset`; fewer only at the end.
    pub(super) fn read(&self, offset: u64, length: usize) -> Vec<u8> {
        let end = self.len.min(offset.saturating_add(length as u64));
        let mut found = Vec::with_capacity(usize::try_from(end.saturating_sub(offset)).unwrap_or(0));
        let mut at = offset;
        while at < end {
            let (index, begin) = split(at);
            let stop = PIECE.min(begin + usize::try_from(end - at).unwrap_or(PIECE));
            let piece = self.pieces.get(index).map_or(&[][..], Vec::as_slice);
            let there = piece.get(begin..stop.min(piece.len())).unwrap_or_default();
            found.extend_from_slice(there);
            found.resize(found.len() + (stop - begin - there.len()), 0);
            at += (stop - begin) as u64;
        }
        found
    }

    /// Writes all of `bytes` at `offset`; a gap before it reads as zeros.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        let (mut at, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let (index, begin) = split(at);
            if self.pieces.len() <= index {
                self.pieces.resize_with(index + 1, Vec::new);
            }
            let (part, later) = rest.split_at(rest.len().min(PIECE - begin));
            let piece = &mut self.pieces[index];
            if piece.len() < begin + part.len() {
                piece.resize(begin + part.len(), 0);
            }
            piece[begin..begin + part.len()].copy_from_slice(part);
            at += part.len() as u64;
            rest = later;
        }
        self.len = self.len.max(at);
    }

    /// Makes the file exactly so long. What is cut off does not come back.
    pub(super) fn resize(&mut self, len: u64) {
        if len < self.len {
            let (index, begin) = split(len);
            self.pieces.truncate(index + 1);
            if let Some(last) = self.pieces.get_mut(index) {
                last.truncate(begin);
                last.shrink_to_fit();
            }
        }
        self.len = len;
    }
}

/// The piece in which a byte is, and where in it.
fn split(at: u64) -> (usize, usize) {
    let index = usize::try_from(at / PIECE as u64).unwrap_or(usize::MAX);
    (index, (at % PIECE as u64) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_reads_as_zeros_and_takes_no_memory() {
        let mut content = Content::default();
        content.write(3 * PIECE as u64 + 5, b"end");
        assert_eq!(content.len(), 3 * PIECE as u64 + 8);
        assert_eq!(content.read(3 * PIECE as u64 + 3, 10), b"\0\0end");
        assert_eq!(content.read(PIECE as u64 - 1, 3), [0; 3]);
        assert_eq!(content.pieces.iter().map(Vec::len).sum::<usize>(), 8);
    }

    #[test]
    fn what_is_cut_off_does_not_come_back() {
        let mut content = Content::default();
        content.write(0, &[7; 100]);
        content.resize(10);
        content.resize(20);
        assert_eq!(content.read(0, 99), [[7; 10], [0; 10]].concat());
    }

    #[test]
    fn a_write_across_pieces_reads_back() {
        let mut content = Content::default();
        let bytes: Vec<u8> = (0..3 * PIECE).map(|i| (i % 251) as u8).collect();
        content.write(100, &bytes);
        assert_eq!(content.read(100, bytes.len()), bytes);
        assert_eq!(content.read(content.len(), 10), b"");
    }
}
