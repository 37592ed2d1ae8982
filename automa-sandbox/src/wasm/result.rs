//! The result of a script while it runs: checked without keeping anything but its text.
//!
//! A value of JSON takes up to a hundred times the memory of its text, and a script may give one again and again. So
//! the text is read through, and the value made once, when the run is over.

use std::fmt;

use automa_core::json::{DEPTH_MAX, Json};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The most values that a result may hold, counting names of members.
const VALUES_MAX: usize = 200_000;

/// Why `json` cannot be a result, in words that follow "the result".
pub(super) fn check(json: &str) -> Result<(), String> {
    let (bytes, max) = (json.len(), Json::BYTES_MAX);
    if bytes > max {
        return Err(format!("is too large: {bytes} bytes; give at most {max}"));
    }
    let mut values = 0;
    let mut reader = serde_json::Deserializer::from_str(json);
    let seen = Seen { values: &mut values, levels: DEPTH_MAX }.deserialize(&mut reader).and_then(|()| reader.end());
    match seen {
        Ok(()) if has_huge_integer(json) => {
            Err("has a whole number beyond 64 bits, which JSON readers round; give it as a string".to_owned())
        }
        Ok(()) => Ok(()),
        Err(_) if values == TOO_DEEP => Err(format!("is nested too deeply; give at most {DEPTH_MAX} levels")),
        Err(_) if values > VALUES_MAX => Err(format!("is too complex; give at most {VALUES_MAX} values, or a file")),
        Err(error) => Err(format!("is not JSON: {error}")),
    }
}

/// What the count is set to when the nesting is the fault.
const TOO_DEEP: usize = usize::MAX;

/// Reads a value and throws it away, counting.
struct Seen<'a> {
    values: &'a mut usize,
    levels: usize,
}

impl Seen<'_> {
    /// What is one level further in.
    fn inside(&mut self) -> Seen<'_> {
        Seen { values: self.values, levels: self.levels.saturating_sub(1) }
    }

    fn enter<E: Error>(&mut self) -> Result<(), E> {
        if self.levels == 0 {
            *self.values = TOO_DEEP;
            return Err(E::custom("too deep"));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Seen<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        *self.values += 1;
        if *self.values > VALUES_MAX {
            return Err(D::Error::custom("too many"));
        }
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seen<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        self.enter()?;
        while items.next_element_seed(self.inside())?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        self.enter()?;
        while members.next_key_seed(self.inside())?.is_some() {
            members.next_value_seed(self.inside())?;
        }
        Ok(())
    }
}

/// Whether a text of JSON has a whole number that would silently lose digits.
fn has_huge_integer(json: &str) -> bool {
    let mut in_string = false;
    let mut escaped = false;
    let mut number = String::new();
    let huge = |number: &str| {
        number.len() >= 19
            && !number.contains(['.', 'e', 'E'])
            && number.parse::<i64>().is_err()
            && number.parse::<u64>().is_err()
    };
    for c in json.chars() {
        if in_string {
            (in_string, escaped) = (escaped || c != '"', c == '\\' && !escaped);
        } else if matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E') {
            number.push(c);
        } else {
            if huge(&number) {
                return true;
            }
            number.clear();
            in_string = c == '"';
        }
    }
    huge(&number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_integers_that_would_lose_digits_are_huge() {
        for json in
            ["18446744073709551615", "-9223372036854775808", "1e400", "[\"99999999999999999999\"]", "{\"a\\\"1\":2}"]
        {
            assert!(!has_huge_integer(json), "{json}");
        }
        for json in ["18446744073709551616", "[1,{\"a\":-9223372036854775809}]", "[\"\\\\\",99999999999999999999]"] {
            assert!(has_huge_integer(json), "{json}");
        }
    }

    #[test]
    fn what_is_too_large_or_deep_or_complex_says_so() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        let many = |count: usize| format!("[{}0]", "{},".repeat(count - 2));
        for json in ["1", "{\"a\":[1,2.5,null,true,\"\\u00fc\"]}", &deep(DEPTH_MAX), &many(VALUES_MAX)] {
            assert_eq!(check(json), Ok(()));
            assert!(Json::parse(json.as_bytes()).is_ok());
        }
        let text = format!("\"{}\"", "[{,:".repeat(VALUES_MAX));
        assert_eq!(check(&text), Ok(()), "what stands in a text does not count");
        for (json, why) in [
            (deep(DEPTH_MAX + 1), "nested too deeply"),
            ("[".repeat(100_000), "nested too deeply"),
            (many(VALUES_MAX + 1), "too complex"),
            (" ".repeat(Json::BYTES_MAX + 1), "too large"),
            ("{".to_owned(), "not JSON"),
            ("1 2".to_owned(), "not JSON"),
            ("NaN".to_owned(), "not JSON"),
            ("1e400".to_owned(), "not JSON"),
            ("\"\\ud800\"".to_owned(), "not JSON"),
            ("18446744073709551616".to_owned(), "beyond 64 bits"),
        ] {
            assert!(check(&json).unwrap_err().contains(why), "{why}");
        }
    }
}
