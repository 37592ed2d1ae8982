//! The time zone of a schedule, by its IANA name.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use jiff::tz::{TimeZone, TimeZoneDatabase, db};

use crate::error::Invalid;

/// A time zone of the IANA database: `Europe/Berlin`, `UTC`.
///
/// The machine's own database is asked first, since it may be newer, and the one built into the program after it.
/// Clones share the zone's data. Two are equal when they have the same name, even where two names mean the same zone.
#[derive(Clone)]
pub struct Zone(TimeZone);

impl Zone {
    /// The most bytes of a name that is looked up; the longest in the database has 32.
    const MAX_LENGTH: usize = 64;

    /// The name, spelled as the database spells it.
    #[must_use]
    pub fn name(&self) -> &str {
        // Only zones with a name are ever put in here.
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The zone's rules.
    #[must_use]
    pub fn time_zone(&self) -> &TimeZone {
        &self.0
    }
}

impl Default for Zone {
    /// UTC.
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl FromStr for Zone {
    type Err = Invalid;

    /// Finds a zone by its name, in upper or lower case.
    ///
    /// # Errors
    ///
    /// [`Invalid`] without a field when there is none, with the names that come closest.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let name = text.trim();
        if name.is_empty() {
            return Err(Invalid::new("", "it is empty; give the name of a time zone such as Europe/Berlin, or UTC"));
        }
        if name.len() > Self::MAX_LENGTH {
            let message = format!(
                "{} bytes are no name of a time zone; give one of at most {}, such as Europe/Berlin",
                name.len(),
                Self::MAX_LENGTH
            );
            return Err(Invalid::new("", message));
        }
        let found =
            if is_ours(name) { db().get(name).or_else(|_| TimeZoneDatabase::bundled().get(name)).ok() } else { None };
        match found.filter(|zone| zone.iana_name().is_some()) {
            Some(zone) => Ok(Self(zone)),
            None => Err(unknown(name)),
        }
    }
}

/// Whether a name may be one of the IANA database's own. A machine's folder of zones holds other files too: its local
/// time, and trees that count leap seconds.
fn is_ours(name: &str) -> bool {
    let foreign = ["posix", "right", "localtime", "posixrules", "factory"];
    let first = name.split('/').next().unwrap_or(name);
    !foreign.iter().any(|other| first.eq_ignore_ascii_case(other))
}

fn unknown(name: &str) -> Invalid {
    let close = closest(name);
    let remedy = match &close[..] {
        [] => "give an IANA name such as Europe/Berlin, or UTC".to_owned(),
        [only] => format!("did you mean {only}?"),
        [first @ .., last] => format!("did you mean {} or {last}?", first.join(", ")),
    };
    Invalid::new("", format!("{name:?} is not a known time zone; {remedy}"))
}

/// Up to three names that `name` may have been meant for, the likeliest first.
fn closest(name: &str) -> Vec<String> {
    let wanted = plain(name);
    let wanted_city = city(&wanted);
    let slips = |one: &str, other: &str| {
        let slips = distance(one, other);
        (slips <= (one.len() / 4).clamp(1, 3)).then_some(slips)
    };
    let mut close: Vec<(usize, String)> = TimeZoneDatabase::bundled()
        .available()
        .map(|known| known.as_str().to_owned())
        .filter(|known| is_ours(known))
        .filter_map(|known| {
            let whole = plain(&known);
            // A city may have been given alone, or under the wrong continent; the same slip in a whole name weighs less.
            let by_city = slips(wanted_city, city(&whole)).map(|slips| 2 * slips + 1).filter(|_| wanted_city.len() > 3);
            let by_whole = slips(&wanted, &whole).map(|slips| 2 * slips);
            Some((by_whole.into_iter().chain(by_city).min()?, known))
        })
        .collect();
    close.sort();
    let best = close.first().map_or(0, |(away, _)| *away);
    close.into_iter().take_while(|(away, _)| *away == best).take(3).map(|(_, known)| known).collect()
}

/// The last part of a name.
fn city(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// A name as it is compared: lower case, and all that people write between words as `_`.
fn plain(name: &str) -> String {
    name.to_lowercase().replace([' ', '-'], "_")
}

/// How many letters have to be added, removed or replaced to make one from the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, candidate) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *candidate);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Zone {}

impl Hash for Zone {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name())
    }
}
