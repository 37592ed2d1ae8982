//! From cron fields and a time zone to instants: where clocks that are set forward or back are met.
//!
//! Two kinds of expression, two ways (the rules stand in [`super`]):
//!
//! - A wildcard's instants are those whose local time meets the fields. Between two changes of the clock, local time
//!   and instants run side by side, so each such stretch is searched in local time.
//! - A fixed expression's instants are its local times, each turned into the one instant it stands for. That map never
//!   goes back, so the first local time that maps past `after` gives the answer.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneTransition};
use jiff::{SignedDuration, Timestamp};

use super::fields::{Fields, Rhythm};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// The first instant strictly after `after`.
pub(super) fn next(fields: &Fields, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    let after = whole_seconds(after)?;
    match fields.rhythm {
        Rhythm::Wildcard => next_wildcard(fields, zone, after),
        Rhythm::Fixed => next_fixed(fields, zone, after),
    }
}

/// The last instant at or before `until`.
pub(super) fn latest(fields: &Fields, zone: &TimeZone, until: Timestamp) -> Option<Timestamp> {
    let until = whole_seconds(until)?;
    match fields.rhythm {
        Rhythm::Wildcard => latest_wildcard(fields, zone, until),
        Rhythm::Fixed => latest_fixed(fields, zone, until),
    }
}

fn next_wildcard(fields: &Fields, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    let mut from = after.checked_add(SECOND).ok()?;
    loop {
        let offset = zone.to_offset(from);
        let change = zone.following(from).next().map(|change| change.timestamp());
        let found = fields.next(offset.to_datetime(from)).and_then(|local| offset.to_timestamp(local).ok());
        match (found, change) {
            (Some(found), Some(change)) if found >= change => from = change,
            (None, Some(change)) => from = change,
            (found, _) => return found,
        }
    }
}

fn latest_wildcard(fields: &Fields, zone: &TimeZone, until: Timestamp) -> Option<Timestamp> {
    let mut from = until;
    loop {
        let offset = zone.to_offset(from);
        let change = last_change(zone, from).map(|change| change.timestamp());
        let found = fields.previous(offset.to_datetime(from)).and_then(|local| offset.to_timestamp(local).ok());
        match (found, change) {
            (Some(found), Some(change)) if found < change => from = change.checked_sub(SECOND).ok()?,
            (None, Some(change)) => from = change.checked_sub(SECOND).ok()?,
            (found, _) => return found,
        }
    }
}

fn next_fixed(fields: &Fields, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    // The second after `after` on the clock as it was set then: it may lie in a gap, and what lies there is due.
    let mut from = zone.to_offset(after).to_datetime(after).checked_add(SECOND).ok()?;
    loop {
        let local = fields.next(from)?;
        let found = instant_of(zone, local)?;
        if found > after {
            return Some(found);
        }
        // `after` lies in the second run of a repeated stretch. All of that stretch has been and gone.
        from = local.checked_add(SECOND).ok()?.max(repeated_until(zone, after)?);
    }
}

fn latest_fixed(fields: &Fields, zone: &TimeZone, until: Timestamp) -> Option<Timestamp> {
    let mut from = zone.to_offset(until).to_datetime(until);
    if let Some(end) = repeated_until(zone, until)
        && end > from
    {
        from = end.checked_sub(SECOND).ok()?;
    }
    loop {
        let local = fields.previous(from)?;
        let found = instant_of(zone, local)?;
        if found <= until {
            return Some(found);
        }
        from = local.checked_sub(SECOND).ok()?;
    }
}

/// The instant that a local time stands for: the first of two, and the end of the gap for one that was left out.
fn instant_of(zone: &TimeZone, local: DateTime) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local).ok(),
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local).ok(),
        AmbiguousOffset::Gap { before, .. } => {
            let behind = before.to_timestamp(local).ok()?;
            Some(last_change(zone, behind).map_or(behind, |change| change.timestamp()))
        }
    }
}

/// What the clock showed, or would have shown, when the last change at or before `instant` came. When that change set
/// it back, local times below this have been there twice.
fn repeated_until(zone: &TimeZone, instant: Timestamp) -> Option<DateTime> {
    let change = last_change(zone, instant)?.timestamp();
    Some(zone.to_offset(change.checked_sub(SECOND).ok()?).to_datetime(change))
}

/// The last change of the clock at or before an instant of whole seconds.
fn last_change(zone: &TimeZone, instant: Timestamp) -> Option<TimeZoneTransition<'_>> {
    zone.preceding(instant.checked_add(SECOND).unwrap_or(Timestamp::MAX)).next()
}

/// The whole second at or before an instant.
fn whole_seconds(instant: Timestamp) -> Option<Timestamp> {
    let down = i64::from(instant.subsec_nanosecond() < 0);
    Timestamp::from_second(instant.as_second() - down).ok()
}
