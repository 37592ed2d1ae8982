//! When a job runs: cron, interval, once, manual, in a time zone.
//!
//! Everything here is a pure function of its arguments: nothing asks for the present time, nothing waits, and the
//! same question always gets the same answer (as long as the machine's time zone data stays the same).
//!
//! # Cron
//!
//! Five fields, `minute hour day_of_month month day_of_week`, or six with `second` in front.
//!
//! | field | values | besides numbers |
//! |---|---|---|
//! | `second`, `minute` | 0 to 59 | |
//! | `hour` | 0 to 23 | |
//! | `day_of_month` | 1 to 31 | `?` for `*`; `L` last day; `LW` last weekday (Monday to Friday); `15W` the weekday nearest to the 15th, within its month |
//! | `month` | 1 to 12 | `JAN` to `DEC` |
//! | `day_of_week` | 0 to 7, Sunday is 0 and 7 | `SUN` to `SAT`; `?` for `*`; `FRI#2` the second Friday; `FRIL` or `FRI#L` the last |
//!
//! Every field takes `*`, lists `1,5`, ranges `1-5`, steps `*/15`, `10-50/20` and `5/15` (from 5 to the end). Names and
//! letters may be in either case. Nicknames: `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight`,
//! `@hourly`.
//!
//! **Days** follow Vixie's cron, which POSIX describes: when neither `day_of_month` nor `day_of_week` starts with `*`
//! or `?`, a day that meets *either* is meant; otherwise it must meet both. `0 0 13 * FRI` is every 13th and every
//! Friday; `0 0 */2 * FRI` is the Fridays with an odd number.
//!
//! **Daylight saving** follows Vixie's cron too:
//!
//! - When `minute` or `hour` starts with `*`, the expression is a rhythm. It holds at every instant whose local time
//!   meets the fields: through both of the repeated hours in autumn, and not at all in the hour left out in spring.
//! - Otherwise it names times of day. One that falls into the hour left out in spring runs at the first instant after
//!   the gap, and one in the repeated hour runs the first time only. Several that fall into one gap become one run.
//!
//! A gap may be of any length: in Samoa, where 30 December 2011 did not exist, what was due on it is due as the 31st
//! begins.

mod cron;
mod describe;
mod fields;
mod interval;
mod parse;
mod walk;
mod zone;

use jiff::Timestamp;

pub use self::cron::CronExpr;
pub use self::interval::Interval;
pub use self::zone::Zone;

/// When a job runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Schedule {
    /// Whenever the local time of a zone meets a cron expression.
    Cron {
        /// What the local time must meet.
        expression: CronExpr,
        /// Where local time is taken.
        zone: Zone,
    },
    /// At `anchor` and then at equal distances, whatever clocks on the wall do. Never before `anchor`.
    Interval {
        /// The distance from one instant to the next.
        every: Interval,
        /// The first instant.
        anchor: Timestamp,
    },
    /// At one instant.
    Once {
        /// That instant.
        at: Timestamp,
    },
    /// Never by itself: only when somebody asks.
    Manual,
}

impl Schedule {
    /// The first instant strictly after `after`; `None` when there is none, which for cron and intervals means none
    /// before the end of the year 9999.
    ///
    /// The instants of a cron expression are whole seconds. Costs about a microsecond, however far away the instant is.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Cron { expression, zone } => walk::next(expression.fields(), zone.time_zone(), after),
            Self::Interval { every, anchor } => every.next_after(*anchor, after),
            Self::Once { at } => (*at > after).then_some(*at),
            Self::Manual => None,
        }
    }

    /// Up to `count` instants strictly after `after`, in order, fewer only when there are no more.
    #[must_use]
    pub fn preview(&self, after: Timestamp, count: usize) -> Vec<Timestamp> {
        self.instants(after).take(count).collect()
    }

    /// The latest instant that is after `after` and not after `until`.
    ///
    /// It is found backwards from `until`, not by walking: a second's interval after a year of downtime costs as
    /// little as [`next_after`](Self::next_after).
    #[must_use]
    pub fn latest_in(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let latest = match self {
            Self::Cron { expression, zone } => walk::latest(expression.fields(), zone.time_zone(), until),
            Self::Interval { every, anchor } => every.latest(*anchor, until),
            Self::Once { at } => (*at <= until).then_some(*at),
            Self::Manual => None,
        };
        latest.filter(|instant| *instant > after)
    }

    /// How many instants are after `after` and not after `until`, counted up to `limit`: an answer of `limit` means
    /// that many or more.
    ///
    /// A cron expression is walked, at about a microsecond an instant, so `limit` bounds the cost; an interval is
    /// calculated.
    #[must_use]
    pub fn count_in(&self, after: Timestamp, until: Timestamp, limit: usize) -> usize {
        match self {
            Self::Interval { every, anchor } => every.count(*anchor, after, until, limit),
            _ => self.instants(after).take(limit).take_while(|instant| *instant <= until).count(),
        }
    }

    /// What this is, in one English phrase without a full stop: `every day at 02:30 in Europe/Berlin`.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Cron { expression, zone } => {
                format!("{} in {}", describe::cron(expression.fields()), zone.name())
            }
            Self::Interval { every, anchor } => format!("{}, counted from {anchor}", every.describe()),
            Self::Once { at } => format!("once, at {at}"),
            Self::Manual => "only when started by hand".to_owned(),
        }
    }

    /// Every instant strictly after `after`, in order.
    fn instants(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(self.next_after(after), |last| self.next_after(*last))
    }
}
