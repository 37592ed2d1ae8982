//! Schedules.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use automa_core::error::Invalid;
use automa_core::schedule::{CronExpr, Interval, Schedule, Zone};

use super::Faults;
use super::number::{DurationSchema, duration};
use crate::extract::Input;

/// When a job runs. `type` says which of the other members belong to it.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = Schedule)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScheduleWire {
    /// `cron` (with `cron`, and `timezone` if not UTC), `interval` (with `every`, and `anchor` if not now), `once`
    /// (with `at`), or `manual`.
    #[serde(rename = "type")]
    #[schema(example = "cron")]
    kind: String,
    /// Five fields, `minute hour day_of_month month day_of_week`, or six with `second` in front, or a nickname such as
    /// `@daily`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "*/5 * * * *")]
    cron: Option<String>,
    /// An IANA time zone such as `Europe/Berlin`; UTC unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Europe/Berlin")]
    timezone: Option<String>,
    /// The distance from one instant to the next, 1 second to 3650 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DurationSchema>)]
    every: Option<Value>,
    /// The first instant of an interval; now unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>)]
    anchor: Option<String>,
    /// The one instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>)]
    at: Option<String>,
}

impl From<&Schedule> for ScheduleWire {
    fn from(schedule: &Schedule) -> Self {
        match schedule {
            Schedule::Cron { expression, zone } => Self {
                kind: "cron".to_owned(),
                cron: Some(expression.to_string()),
                timezone: Some(zone.to_string()),
                ..Self::default()
            },
            Schedule::Interval { every, anchor } => Self {
                kind: "interval".to_owned(),
                every: Some(Value::from(every.to_string())),
                anchor: Some(anchor.to_string()),
                ..Self::default()
            },
            Schedule::Once { at } => Self { kind: "once".to_owned(), at: Some(at.to_string()), ..Self::default() },
            // The enum is open; what this program does not know, it cannot have stored.
            _ => Self { kind: "manual".to_owned(), ..Self::default() },
        }
    }
}

impl ScheduleWire {
    /// The schedule; its faults stand below `schedule`. `now` is the anchor of an interval that has none.
    pub(crate) fn read(self, now: Timestamp, faults: &mut Faults) -> Option<Schedule> {
        let known: &[&str] = match self.kind.as_str() {
            "cron" => &["cron", "timezone"],
            "interval" => &["every", "anchor"],
            "once" => &["at"],
            "manual" => &[],
            other => {
                faults.add("schedule.type", format!("{other:?} is none of cron, interval, once, manual"));
                return None;
            }
        };
        let given = [
            ("cron", self.cron.is_some()),
            ("timezone", self.timezone.is_some()),
            ("every", self.every.is_some()),
            ("anchor", self.anchor.is_some()),
            ("at", self.at.is_some()),
        ];
        let mut fits = true;
        for (name, _) in given.iter().filter(|(name, given)| *given && !known.contains(name)) {
            fits = false;
            faults.add(&format!("schedule.{name}"), format!("does not belong to the type {}; leave it out", self.kind));
        }
        let schedule = match self.kind.as_str() {
            "cron" => {
                let expression = self.required(self.cron.as_deref(), "cron", faults);
                let expression = expression.and_then(|text| faults.within("schedule.cron", text.parse::<CronExpr>()));
                let zone = faults.parse_or_default::<Zone>("schedule.timezone", self.timezone.as_deref());
                expression.zip(zone).map(|(expression, zone)| Schedule::Cron { expression, zone })
            }
            "interval" => {
                let every = self.required(self.every.as_ref(), "every", faults);
                let read = |value: &Value| duration(value).and_then(Interval::try_from);
                let every = every.and_then(|value| faults.named("schedule.every", read(value)));
                let anchor = match &self.anchor {
                    Some(text) => instant("schedule.anchor", text, faults),
                    None => Some(now),
                };
                every.zip(anchor).map(|(every, anchor)| Schedule::Interval { every, anchor })
            }
            "once" => {
                let at = self.required(self.at.as_deref(), "at", faults);
                at.and_then(|text| instant("schedule.at", text, faults)).map(|at| Schedule::Once { at })
            }
            _ => Some(Schedule::Manual),
        };
        schedule.filter(|_| fits)
    }

    /// A member without which the type makes no sense.
    fn required<'a, T: ?Sized>(&self, given: Option<&'a T>, name: &str, faults: &mut Faults) -> Option<&'a T> {
        if given.is_none() {
            faults.add(&format!("schedule.{name}"), format!("is missing; the type {} needs it", self.kind));
        }
        given
    }
}

/// Reads an instant: a date and a time with an offset.
fn instant(field: &str, text: &str, faults: &mut Faults) -> Option<Timestamp> {
    let read = text.parse::<Timestamp>().map_err(|_| {
        let shape = "give a date that exists, a time and an offset, such as 2026-03-29T02:30:00Z";
        Invalid::new("", format!("{text:?} is not an instant; {shape}"))
    });
    let at = faults.named(field, read)?;
    // What is stored keeps microseconds; a finer time would not come back as it went in.
    Some(Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at))
}

/// A schedule that is not a job's yet.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = SchedulePreviewInput)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreviewIn {
    /// The schedule.
    schedule: ScheduleWire,
    /// How many instants, 1 to 200; 10 unless given.
    #[schema(example = 10)]
    count: Option<usize>,
}

impl Input for PreviewIn {}

impl PreviewIn {
    /// The schedule and how many instants of it.
    pub(crate) fn read(self, now: Timestamp) -> Result<(Schedule, usize), Invalid> {
        let mut faults = Faults::default();
        let schedule = self.schedule.read(now, &mut faults);
        let count = self.count.unwrap_or(PreviewOut::COUNT);
        if !(1..=PreviewOut::COUNT_MAX).contains(&count) {
            faults.add("count", format!("{count} is out of range; give 1 to {}", PreviewOut::COUNT_MAX));
        }
        let Some(schedule) = schedule else { return Err(faults.into_invalid()) };
        faults.finish()?;
        Ok((schedule, count))
    }
}

/// The next instants of a schedule.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SchedulePreview)]
pub(crate) struct PreviewOut {
    /// The schedule in words.
    #[schema(example = "every 5 minutes in Europe/Berlin")]
    description: String,
    /// The instants, in order; fewer than asked for only when there are no more.
    instants: Vec<Timestamp>,
}

impl PreviewOut {
    /// How many instants unless told otherwise.
    pub(crate) const COUNT: usize = 10;
    /// The most instants.
    pub(crate) const COUNT_MAX: usize = 200;

    /// These instants of this schedule.
    pub(crate) fn new(schedule: &Schedule, instants: Vec<Timestamp>) -> Self {
        Self { description: schedule.describe(), instants }
    }
}
