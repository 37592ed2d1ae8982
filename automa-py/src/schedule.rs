//! When a job runs, as keyword arguments: `cron` with `zone`, `every` with `anchor`, `at`, or none for by hand only.

use automa_core::schedule::{CronExpr, Interval, Schedule, Zone};
use jiff::Timestamp;
use pyo3::prelude::*;
use pyo3::types::PyDateTime;

use crate::args::{Checked, Keywords};
use crate::failure::{Failure, Result};
use crate::time;

/// The keyword arguments of a schedule.
pub(crate) const KEYWORDS: [&str; 5] = ["cron", "zone", "every", "anchor", "at"];

/// Reads a schedule; `None` when nothing of one was given, or when something was wrong.
pub(crate) fn read(given: &Keywords<'_, '_>, checked: &mut Checked, now: Timestamp) -> Result<Option<Schedule>> {
    let cron = match given.plain::<String>("cron")? {
        Some(text) => Some(checked.keep(text.parse::<CronExpr>().map_err(|invalid| invalid.within("cron")))?),
        None => None,
    };
    let zone = match given.plain::<String>("zone")? {
        Some(text) => Some(checked.keep(text.parse::<Zone>().map_err(|invalid| invalid.within("zone")))?),
        None => None,
    };
    let every = match given.get("every")? {
        Some(value) => Some(checked.keep(interval(&value))?),
        None => None,
    };
    let anchor = instant(given, checked, "anchor")?;
    let at = instant(given, checked, "at")?;
    if zone.is_some() && cron.is_none() {
        checked.add("zone", "counts only with cron; leave it out, or give cron as well");
    }
    if anchor.is_some() && every.is_none() {
        checked.add("anchor", "counts only with every; leave it out, or give every as well");
    }
    Ok(match (cron, every, at) {
        (Some(Some(expression)), None, None) => {
            // A zone that is wrong has been noted.
            let zone = zone.unwrap_or_else(|| Some(Zone::default()));
            zone.map(|zone| Schedule::Cron { expression, zone })
        }
        (None, Some(Some(every)), None) => {
            let anchor = anchor.unwrap_or(Some(now));
            anchor.map(|anchor| Schedule::Interval { every, anchor })
        }
        (None, None, Some(at)) => at.map(|at| Schedule::Once { at }),
        (Some(None), None, None) | (None, Some(None), None) | (None, None, None) => None,
        _ => {
            checked.add("schedule", "has more than one of cron, every and at; give one of them, or none");
            None
        }
    })
}

fn interval(given: &Bound<'_, PyAny>) -> Result<Interval> {
    let duration = time::duration("every", given)?;
    Ok(Interval::try_from(duration).map_err(|invalid| invalid.within("every"))?)
}

/// An instant that was given, and whether it was right.
fn instant(given: &Keywords<'_, '_>, checked: &mut Checked, name: &str) -> Result<Option<Option<Timestamp>>> {
    let Some(value) = given.get(name)? else { return Ok(None) };
    let Ok(value) = value.cast::<PyDateTime>() else {
        let kind = value.get_type().name().map_err(Failure::Python)?;
        let text = format!("{name} must be an aware datetime, not {kind}");
        return Err(Failure::Python(pyo3::exceptions::PyTypeError::new_err(text)));
    };
    checked.keep(time::instant(name, value)).map(Some)
}
