//! A cron expression as sets of bits, and the search through the calendar for a date and time that meets them.
//! No time zones here: see `walk.rs`.

use jiff::civil::{Date, DateTime, Time};

/// What the six fields allow. Every set has at least one member, and at least one date in every 400 years is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Fields {
    /// Bit n: second n.
    pub(super) seconds: u64,
    /// Bit n: minute n.
    pub(super) minutes: u64,
    /// Bit n: hour n.
    pub(super) hours: u32,
    /// Which days of the month.
    pub(super) days: Days,
    /// Bit n: month n, from 1.
    pub(super) months: u16,
    /// Which days of the week.
    pub(super) weekdays: Weekdays,
    /// How the expression meets daylight saving.
    pub(super) rhythm: Rhythm,
}

/// How an expression meets a clock that is set forward or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Rhythm {
    /// Minute or hour starts with `*`: holds whenever the clock shows a time that is met.
    Wildcard,
    /// Names times of day: each runs once on each day that is met.
    Fixed,
}

/// The field `day_of_month`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Days {
    /// Bit n: day n, from 1.
    pub(super) numbers: u32,
    /// Bit n: the weekday nearest to day n.
    pub(super) nearest: u32,
    /// The last day of the month.
    pub(super) last: bool,
    /// The last day of the month that is not a Saturday or Sunday.
    pub(super) last_weekday: bool,
    /// The field starts with `*` or `?`.
    pub(super) star: bool,
}

/// The field `day_of_week`; Sunday is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Weekdays {
    /// Bit n: every weekday n.
    pub(super) every: u8,
    /// Bit n of member k: weekday n the (k + 1)th time in its month.
    pub(super) nth: [u8; 5],
    /// Bit n: weekday n the last time in its month.
    pub(super) last: u8,
    /// The field starts with `*` or `?`.
    pub(super) star: bool,
}

/// Months in a cycle of the calendar: after 400 years dates and weekdays repeat.
const CYCLE: u32 = 400 * 12;

impl Fields {
    /// The first date and time that is met and is not before `from`, which has whole seconds.
    pub(super) fn next(&self, from: DateTime) -> Option<DateTime> {
        let (mut year, mut month) = (from.year(), from.month());
        let mut days = self.days_of(year, month) & (u32::MAX << from.day());
        if days & (1 << from.day()) != 0 {
            if let Some(time) = self.time_from(from.time()) {
                return Some(from.date().to_datetime(time));
            }
            days &= !(1 << from.day());
        }
        for _ in 0..=CYCLE {
            if days != 0 {
                let day = days.trailing_zeros() as i8;
                return Some(Date::new(year, month, day).ok()?.to_datetime(self.first_time()?));
            }
            (year, month) = if month == 12 { (year.checked_add(1)?, 1) } else { (year, month + 1) };
            if year > DateTime::MAX.year() {
                return None;
            }
            days = self.days_of(year, month);
        }
        None
    }

    /// The last date and time that is met and is not after `from`, which has whole seconds.
    pub(super) fn previous(&self, from: DateTime) -> Option<DateTime> {
        let (mut year, mut month) = (from.year(), from.month());
        let mut days = self.days_of(year, month) & !(u32::MAX << from.day() << 1);
        if days & (1 << from.day()) != 0 {
            if let Some(time) = self.time_until(from.time()) {
                return Some(from.date().to_datetime(time));
            }
            days &= !(1 << from.day());
        }
        for _ in 0..=CYCLE {
            if let Some(day) = days.checked_ilog2() {
                return Some(Date::new(year, month, day as i8).ok()?.to_datetime(self.last_time()?));
            }
            (year, month) = if month == 1 { (year.checked_sub(1)?, 12) } else { (year, month - 1) };
            if year < DateTime::MIN.year() {
                return None;
            }
            days = self.days_of(year, month);
        }
        None
    }

    /// Whether any date is met, ever.
    pub(super) fn happens(&self) -> bool {
        (2000..2400).any(|year| (1..=12).any(|month| self.days_of(year, month) != 0))
    }

    /// Bit n: day n of that month is met.
    fn days_of(&self, year: i16, month: i8) -> u32 {
        if self.months & (1 << month) == 0 {
            return 0;
        }
        let Ok(first) = Date::new(year, month, 1) else { return 0 };
        let shape =
            Month { length: first.days_in_month() as u32, first: first.weekday().to_sunday_zero_offset() as u32 };
        let (by_day, by_weekday) = (self.days.of(shape), self.weekdays.of(shape));
        let either = !self.days.star && !self.weekdays.star;
        if either { by_day | by_weekday } else { by_day & by_weekday }
    }

    fn first_time(&self) -> Option<Time> {
        time(first(self.hours.into(), 0)?, first(self.minutes, 0)?, first(self.seconds, 0)?)
    }

    fn last_time(&self) -> Option<Time> {
        time(last(self.hours.into(), 23)?, last(self.minutes, 59)?, last(self.seconds, 59)?)
    }

    /// The first time of day that is met and is not before `from`.
    fn time_from(&self, from: Time) -> Option<Time> {
        let (hour, minute, second) = (from.hour() as u32, from.minute() as u32, from.second() as u32);
        if self.hours & (1 << hour) != 0 {
            if self.minutes & (1 << minute) != 0
                && let Some(second) = first(self.seconds, second)
            {
                return time(hour, minute, second);
            }
            if let Some(minute) = first(self.minutes, minute + 1) {
                return time(hour, minute, first(self.seconds, 0)?);
            }
        }
        time(first(self.hours.into(), hour + 1)?, first(self.minutes, 0)?, first(self.seconds, 0)?)
    }

    /// The last time of day that is met and is not after `from`.
    fn time_until(&self, from: Time) -> Option<Time> {
        let (hour, minute, second) = (from.hour() as u32, from.minute() as u32, from.second() as u32);
        if self.hours & (1 << hour) != 0 {
            if self.minutes & (1 << minute) != 0
                && let Some(second) = last(self.seconds, second)
            {
                return time(hour, minute, second);
            }
            if let Some(minute) = minute.checked_sub(1).and_then(|minute| last(self.minutes, minute)) {
                return time(hour, minute, last(self.seconds, 59)?);
            }
        }
        let hour = hour.checked_sub(1).and_then(|hour| last(self.hours.into(), hour))?;
        time(hour, last(self.minutes, 59)?, last(self.seconds, 59)?)
    }
}

/// What decides which dates of a month are met: how many days it has and the weekday of its first, Sunday being 0.
#[derive(Debug, Clone, Copy)]
struct Month {
    length: u32,
    first: u32,
}

impl Month {
    /// Bit n: day n exists.
    fn all(self) -> u32 {
        ((1 << self.length) - 1) << 1
    }

    /// The weekday of a day.
    fn weekday(self, day: u32) -> u32 {
        (self.first + day - 1) % 7
    }

    /// The first day that is this weekday.
    fn first_of(self, weekday: u32) -> u32 {
        1 + (7 + weekday - self.first) % 7
    }

    /// The day from Monday to Friday that is nearest to `day` and in the same month.
    fn nearest(self, day: u32) -> u32 {
        match self.weekday(day) {
            6 if day > 1 => day - 1,
            6 => day + 2,
            0 if day < self.length => day + 1,
            0 => day - 2,
            _ => day,
        }
    }
}

impl Days {
    /// Bit n: day n of the month is met.
    fn of(&self, month: Month) -> u32 {
        let mut days = self.numbers;
        for day in bits((self.nearest & month.all()).into()) {
            days |= 1 << month.nearest(day);
        }
        if self.last {
            days |= 1 << month.length;
        }
        if self.last_weekday {
            let back = [2, 0, 0, 0, 0, 0, 1][month.weekday(month.length) as usize];
            days |= 1 << (month.length - back);
        }
        days & month.all()
    }
}

impl Weekdays {
    /// Bit n: day n of the month is met.
    fn of(&self, month: Month) -> u32 {
        /// Days 0, 7, 14, 21 and 28.
        const WEEKLY: u64 = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28;
        if self.every == 0x7f {
            return month.all();
        }
        let mut days = 0_u64;
        for weekday in bits(self.every.into()) {
            days |= WEEKLY << month.first_of(weekday);
        }
        for (week, weekdays) in (0..).zip(self.nth) {
            for weekday in bits(weekdays.into()) {
                days |= 1_u64 << (month.first_of(weekday) + 7 * week);
            }
        }
        for weekday in bits(self.last.into()) {
            let first = month.first_of(weekday);
            days |= 1_u64 << (first + (month.length - first) / 7 * 7);
        }
        days as u32 & month.all()
    }
}

/// The members of a set, in order.
pub(super) fn bits(mut set: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let member = first(set, 0)?;
        set &= set - 1;
        Some(member)
    })
}

/// The least member that is at least `from`, which is at most 64.
fn first(set: u64, from: u32) -> Option<u32> {
    let rest = set & u64::MAX.checked_shl(from).unwrap_or(0);
    (rest != 0).then(|| rest.trailing_zeros())
}

/// The greatest member that is at most `until`, which is at most 62.
fn last(set: u64, until: u32) -> Option<u32> {
    (set & ((2 << until) - 1)).checked_ilog2()
}

fn time(hour: u32, minute: u32, second: u32) -> Option<Time> {
    Time::new(hour as i8, minute as i8, second as i8, 0).ok()
}
