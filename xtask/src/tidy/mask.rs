//! Rust source with its comments and literals blanked out, so that a search finds code and nothing else.

/// `source` with every byte of a comment, string or character literal replaced by a space. Line ends stay, so a line
/// number means the same in both.
#[must_use]
pub fn mask(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut masked = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_end(source, at).unwrap_or(at);
        if end > at {
            masked[at..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
            at = end;
        } else if is_word(bytes[at]) {
            // A whole word at once: the `r` of `for` begins no raw string.
            at += bytes[at..].iter().take_while(|byte| is_word(**byte)).count();
        } else {
            at += 1;
        }
    }
    // Only whole literals, which begin and end with ASCII, were replaced, so this is still UTF-8.
    String::from_utf8(masked).unwrap_or_default()
}

/// Whether a byte can stand in an identifier.
#[must_use]
pub const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Where the comment or literal that begins at `at` ends; `None` when none begins there.
fn literal_end(source: &str, at: usize) -> Option<usize> {
    let rest = &source.as_bytes()[at..];
    let length = match rest {
        [b'/', b'/', ..] => rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => block_comment(rest),
        [b'"', ..] => string(rest, 0),
        [b'b' | b'c', b'"', ..] => string(rest, 1),
        [b'b', b'\'', ..] => 1 + character(&source[at + 1..])?,
        [b'\'', ..] => character(&source[at..])?,
        [b'r', b'"' | b'#', ..] => raw_string(rest, 1)?,
        [b'b' | b'c', b'r', b'"' | b'#', ..] => raw_string(rest, 2)?,
        _ => return None,
    };
    Some(at + length)
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (at, depth) = (at + 2, depth + 1),
            [b'*', b'/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of a string whose quote stands at `quote`.
fn string(rest: &[u8], quote: usize) -> usize {
    let mut at = quote + 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of a raw string whose first `#` or quote stands at `start`; `None` for a raw identifier.
fn raw_string(rest: &[u8], start: usize) -> Option<usize> {
    let hashes = rest[start..].iter().take_while(|byte| **byte == b'#').count();
    let open = start + hashes;
    if rest.get(open) != Some(&b'"') {
        return None;
    }
    let mut end = vec![b'"'];
    end.resize(1 + hashes, b'#');
    let body = &rest[open + 1..];
    let close = body.windows(end.len()).position(|window| window == end);
    Some(close.map_or(rest.len(), |close| open + 1 + close + end.len()))
}

/// The length of a character literal; `None` for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first == '\\' {
        // What is escaped is never the closing quote.
        chars.next()?;
        return chars.find(|(_, c)| *c == '\'').map(|(at, _)| at + 1);
    }
    chars.next().filter(|(_, c)| *c == '\'').map(|(at, _)| at + 1)
}
