//! Jobs, as stored.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::field::{Id, Instant, object_text, parse, parse_object};
use crate::error::{Error, Result};
use crate::id::{AgentId, JobId, UserId};
use crate::job::{Job, RetryPolicy};
use crate::schedule::{Interval, Schedule};
use crate::store::Revision;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct JobV1<'a> {
    id: Id,
    name: &'a str,
    description: &'a str,
    owner: Option<Id>,
    agent: Id,
    #[serde(borrow)]
    schedule: ScheduleV1<'a>,
    #[serde(borrow)]
    input: Cow<'a, str>,
    enabled: bool,
    overlap: &'a str,
    misfire: &'a str,
    #[serde(borrow)]
    retry: RetryV1<'a>,
    next_at: Option<Instant>,
    created_at: Instant,
    updated_at: Instant,
    revision: u64,
}

#[derive(Debug, Serialize, Deserialize)]
enum ScheduleV1<'a> {
    Cron {
        #[serde(borrow)]
        expression: Cow<'a, str>,
        #[serde(borrow)]
        zone: Cow<'a, str>,
    },
    Interval {
        every: Duration,
        anchor: Instant,
    },
    Once {
        at: Instant,
    },
    Manual,
}

/// What happens when a run does not succeed; executions keep a copy of their job's.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RetryV1<'a> {
    attempts: u32,
    backoff: Duration,
    backoff_max: Duration,
    #[serde(borrow)]
    on: Vec<&'a str>,
}

impl<'a> From<&'a Job> for JobV1<'a> {
    fn from(job: &'a Job) -> Self {
        Self {
            id: *job.id.as_bytes(),
            name: job.name.as_str(),
            description: job.description.as_str(),
            owner: job.owner.map(|owner| *owner.as_bytes()),
            agent: *job.agent.as_bytes(),
            schedule: ScheduleV1::from(&job.schedule),
            input: object_text(&job.input),
            enabled: job.enabled,
            overlap: job.overlap.name(),
            misfire: job.misfire.name(),
            retry: RetryV1::from(&job.retry),
            next_at: job.next_at.map(Instant::from),
            created_at: job.created_at.into(),
            updated_at: job.updated_at.into(),
            revision: job.revision.0,
        }
    }
}

impl JobV1<'_> {
    pub(super) fn open(self) -> Result<Job> {
        Ok(Job {
            id: JobId::from_bytes(self.id),
            name: parse("a job's name", self.name)?,
            description: parse("a job's description", self.description)?,
            owner: self.owner.map(UserId::from_bytes),
            agent: AgentId::from_bytes(self.agent),
            schedule: self.schedule.open()?,
            input: parse_object("a job's input", &self.input)?,
            enabled: self.enabled,
            overlap: parse("a job's overlap policy", self.overlap)?,
            misfire: parse("a job's misfire policy", self.misfire)?,
            retry: self.retry.open()?,
            next_at: self.next_at.map(Instant::open).transpose()?,
            created_at: self.created_at.open()?,
            updated_at: self.updated_at.open()?,
            revision: Revision(self.revision),
        })
    }
}

impl From<&Schedule> for ScheduleV1<'_> {
    fn from(schedule: &Schedule) -> Self {
        match schedule {
            Schedule::Cron { expression, zone } => {
                Self::Cron { expression: Cow::Owned(expression.to_string()), zone: Cow::Owned(zone.to_string()) }
            }
            Schedule::Interval { every, anchor } => Self::Interval { every: every.get(), anchor: (*anchor).into() },
            Schedule::Once { at } => Self::Once { at: (*at).into() },
            Schedule::Manual => Self::Manual,
        }
    }
}

impl ScheduleV1<'_> {
    fn open(self) -> Result<Schedule> {
        Ok(match self {
            Self::Cron { expression, zone } => Schedule::Cron {
                expression: parse("a job's cron expression", &expression)?,
                zone: parse("a job's time zone", &zone)?,
            },
            Self::Interval { every, anchor } => Schedule::Interval {
                every: Interval::try_from(every)
                    .map_err(|error| Error::Damaged(format!("a job's interval: {error}")))?,
                anchor: anchor.open()?,
            },
            Self::Once { at } => Schedule::Once { at: at.open()? },
            Self::Manual => Schedule::Manual,
        })
    }
}

impl From<&RetryPolicy> for RetryV1<'_> {
    fn from(retry: &RetryPolicy) -> Self {
        Self {
            attempts: retry.attempts,
            backoff: retry.backoff,
            backoff_max: retry.backoff_max,
            on: retry.on.iter().map(|status| status.name()).collect(),
        }
    }
}

impl RetryV1<'_> {
    pub(super) fn open(self) -> Result<RetryPolicy> {
        let on = self.on.into_iter().map(|status| parse("a status to try again on", status));
        Ok(RetryPolicy {
            attempts: self.attempts,
            backoff: self.backoff,
            backoff_max: self.backoff_max,
            on: on.collect::<Result<_>>()?,
        })
    }
}
