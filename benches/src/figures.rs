//! Medians, and how they are written.

use std::time::Duration;

/// The median of some times; zero of none.
#[must_use]
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// A time in milliseconds, with two digits behind the point.
#[must_use]
pub fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1_000.0)
}

/// How many times `slow` is as long as `quick`.
#[must_use]
pub fn ratio(slow: Duration, quick: Duration) -> f64 {
    slow.as_secs_f64() / quick.as_secs_f64().max(f64::EPSILON)
}

/// One line of the report: what was measured, what came out, what it should reach.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// What came out.
    pub ours: String,
    /// The rival and what came out for it, or the condition under which it was measured.
    pub against: String,
    /// The ratio or rate that counts.
    pub counts: String,
    /// What it should reach.
    pub goal: &'static str,
}
