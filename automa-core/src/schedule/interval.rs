//! The distance between the instants of an interval schedule.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;

use crate::error::Invalid;
use crate::limits::parse_duration;

/// A distance in time: 1 second to 3,650 days, in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval(Duration);

impl Interval {
    /// The shortest.
    pub const MIN: Self = Self(Duration::from_secs(1));
    /// The longest: ten years of 365 days.
    pub const MAX: Self = Self(Duration::from_secs(3_650 * 86_400));

    /// The same as a duration.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }

    /// The first of `anchor`, `anchor` and one interval, and so on, that is after `after`.
    pub(super) fn next_after(self, anchor: Timestamp, after: Timestamp) -> Option<Timestamp> {
        let behind = after.as_nanosecond() - anchor.as_nanosecond();
        if behind < 0 { Some(anchor) } else { self.nth(anchor, behind / self.nanoseconds() + 1) }
    }

    /// The last that is not after `until`.
    pub(super) fn latest(self, anchor: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let behind = until.as_nanosecond() - anchor.as_nanosecond();
        if behind < 0 { None } else { self.nth(anchor, behind / self.nanoseconds()) }
    }

    /// How many are after `after` and not after `until`, at most `limit`.
    pub(super) fn count(self, anchor: Timestamp, after: Timestamp, until: Timestamp, limit: usize) -> usize {
        // How many there are up to and including an instant.
        let up_to = |instant: Timestamp| {
            let behind = instant.as_nanosecond() - anchor.as_nanosecond();
            if behind < 0 { 0 } else { behind / self.nanoseconds() + 1 }
        };
        usize::try_from((up_to(until) - up_to(after)).max(0)).unwrap_or(usize::MAX).min(limit)
    }

    /// `every 5 minutes`, `every hour`, `every 1 hour 30 minutes`.
    pub(super) fn describe(self) -> String {
        let words = [("day", "days"), ("hour", "hours"), ("minute", "minutes"), ("second", "seconds"), ("ms", "ms")];
        let mut parts: Vec<_> = self.parts().into_iter().zip(words).filter(|(count, _)| *count > 0).collect();
        if let [(1, (one, _))] = parts[..] {
            return format!("every {one}");
        }
        let parts: Vec<_> = parts
            .drain(..)
            .map(|(count, (one, many))| format!("{count} {}", if count == 1 { one } else { many }))
            .collect();
        format!("every {}", parts.join(" "))
    }

    /// The same in days, hours, minutes, seconds and milliseconds.
    fn parts(self) -> [u64; 5] {
        let seconds = self.0.as_secs();
        let millis = u64::from(self.0.subsec_millis());
        [seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60, millis]
    }

    fn nanoseconds(self) -> i128 {
        // At most ten years, which fit many times over.
        self.0.as_nanos() as i128
    }

    fn nth(self, anchor: Timestamp, count: i128) -> Option<Timestamp> {
        Timestamp::from_nanosecond(anchor.as_nanosecond() + count * self.nanoseconds()).ok()
    }
}

impl TryFrom<Duration> for Interval {
    type Error = Invalid;

    fn try_from(duration: Duration) -> Result<Self, Invalid> {
        let refuse = |message: String| Err(Invalid::new("", message));
        if duration.is_zero() {
            return refuse("an interval of zero never ends; give 1s to 3650d".to_owned());
        }
        if !(Self::MIN.0..=Self::MAX.0).contains(&duration) {
            return refuse(format!("an interval of {duration:?} is out of range; give 1s to 3650d"));
        }
        if !duration.subsec_nanos().is_multiple_of(1_000_000) {
            return refuse(format!("an interval of {duration:?} is too fine; give whole milliseconds"));
        }
        Ok(Self(duration))
    }
}

impl FromStr for Interval {
    type Err = Invalid;

    /// Reads what [`parse_duration`] reads.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        parse_duration(text)?.try_into()
    }
}

impl fmt::Display for Interval {
    /// As [`FromStr`] reads it: `1h30m`, `1s500ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = ["d", "h", "m", "s", "ms"];
        self.parts()
            .into_iter()
            .zip(units)
            .filter(|(count, _)| *count > 0)
            .try_for_each(|(count, unit)| write!(f, "{count}{unit}"))
    }
}
