//! What one execution may use up, as types that cannot be out of range.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Invalid, Problem};

/// One mebibyte, in bytes.
const MIB: u64 = 1024 * 1024;

/// A number of bytes, written as `256M`, `1G`, `64K` or `4096`; the units are powers of 1024.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl Bytes {
    /// That many mebibytes.
    #[must_use]
    pub const fn mib(count: u64) -> Self {
        Self(count * MIB)
    }
}

impl FromStr for Bytes {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bad =
            || Invalid::new("", format!("{text:?} is not a size; write a whole number and K, M or G, such as 256M"));
        let trimmed = text.trim();
        let digits = trimmed.trim_end_matches(|c: char| !c.is_ascii_digit());
        let factor = match trimmed[digits.len()..].trim().to_ascii_uppercase().as_str() {
            "" | "B" => 1,
            "K" | "KB" | "KIB" => 1024,
            "M" | "MB" | "MIB" => MIB,
            "G" | "GB" | "GIB" => 1024 * MIB,
            _ => return Err(bad()),
        };
        let count: u64 = digits.parse().map_err(|_| bad())?;
        count.checked_mul(factor).map(Self).ok_or_else(bad)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1024 * MIB, "G"), (MIB, "M"), (1024, "K")];
        match units.iter().find(|(size, _)| self.0 >= *size && self.0.is_multiple_of(*size)) {
            Some((size, unit)) => write!(f, "{}{unit}", self.0 / size),
            None => write!(f, "{}", self.0),
        }
    }
}

/// A span of time, written as `30s`, `5m`, `1h30m`, `250ms`, `2d`, or a number of seconds such as `1.5`.
///
/// # Errors
///
/// [`Invalid`] without a field when the text is none of these.
pub fn parse_duration(text: &str) -> Result<Duration, Invalid> {
    let bad = || {
        Invalid::new(
            "",
            format!("{text:?} is not a duration; write it as 30s, 5m, 1h30m, 250ms or a number of seconds"),
        )
    };
    let mut rest = text.trim();
    if let Ok(seconds) = rest.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).map_err(|_| bad());
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let count: u32 = rest[..digits].parse().map_err(|_| bad())?;
        let unit_end = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        let unit = match rest[digits..unit_end].trim() {
            "ms" => Duration::from_millis(1),
            "s" | "sec" => Duration::from_secs(1),
            "m" | "min" => Duration::from_secs(60),
            "h" => Duration::from_secs(3_600),
            "d" => Duration::from_secs(86_400),
            _ => return Err(bad()),
        };
        total = unit.checked_mul(count).and_then(|part| total.checked_add(part)).ok_or_else(bad)?;
        rest = &rest[unit_end..];
    }
    if text.trim().is_empty() { Err(bad()) } else { Ok(total) }
}

/// What one execution may use up. A backend enforces every one of these or refuses to start.
///
/// Made by [`Limits::default`] and the `with_…` methods, checked by [`Limits::check`]: whatever holds a
/// `Limits` inside an [`Agent`](crate::agent::Agent) has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Memory, interpreter included. Past it the execution ends as `out_of_memory`.
    pub memory: Bytes,
    /// Wall-clock time from the start of the script. Past it the execution ends as `timed_out`.
    pub wall_time: Duration,
    /// stdout and stderr together. Past it the execution ends as `failed`.
    pub output: Bytes,
    /// Everything below `/scratch` together. Past it, writing answers "no space left" to the script.
    pub scratch: Bytes,
    /// Files and folders below `/scratch`. Past it, creating one answers "no space left" to the script.
    pub files: u32,
    /// Processes and threads at once, the script itself included. Past it, starting one fails in the script.
    pub processes: u32,
    /// Processor time per second of wall-clock time, in thousandths of a core: 1000 is one core.
    pub cpu_millis: u32,
}

impl Default for Limits {
    /// 256 MiB of memory, 5 minutes, 10 MiB of output, 64 MiB in 1,000 files, 32 processes, one core.
    fn default() -> Self {
        Self {
            memory: Bytes::mib(256),
            wall_time: Duration::from_secs(300),
            output: Bytes::mib(10),
            scratch: Bytes::mib(64),
            files: 1_000,
            processes: 32,
            cpu_millis: 1_000,
        }
    }
}

impl Limits {
    /// The smallest and the largest memory: below 48 MiB the interpreter itself does not fit.
    pub const MEMORY: (Bytes, Bytes) = (Bytes::mib(48), Bytes::mib(64 * 1024));
    /// The shortest and the longest wall-clock time: a hundredth of a second to 31 days.
    pub const WALL_TIME: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(31 * 86_400));
    /// The largest output: more than this belongs into a file, not into a log.
    pub const OUTPUT_MAX: Bytes = Bytes::mib(1024);
    /// The largest scratch space.
    pub const SCRATCH_MAX: Bytes = Bytes::mib(64 * 1024);
    /// The most files and folders.
    pub const FILES_MAX: u32 = 1_000_000;
    /// The most processes and threads.
    pub const PROCESSES_MAX: u32 = 4_096;
    /// The most processor time: 256 cores.
    pub const CPU_MILLIS_MAX: u32 = 256_000;

    /// The same with another memory.
    #[must_use]
    pub fn with_memory(mut self, memory: Bytes) -> Self {
        self.memory = memory;
        self
    }

    /// The same with another wall-clock time.
    #[must_use]
    pub fn with_wall_time(mut self, wall_time: Duration) -> Self {
        self.wall_time = wall_time;
        self
    }

    /// The same with another output size.
    #[must_use]
    pub fn with_output(mut self, output: Bytes) -> Self {
        self.output = output;
        self
    }

    /// The same with another scratch size and number of files.
    #[must_use]
    pub fn with_scratch(mut self, scratch: Bytes, files: u32) -> Self {
        self.scratch = scratch;
        self.files = files;
        self
    }

    /// Whether each is inside its range.
    ///
    /// # Errors
    ///
    /// [`Invalid`] with one problem per field that is out of range.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut problems = Vec::new();
        let mut range = |field: &str, fits: bool, text: String| {
            if !fits {
                problems.push(Problem::new(field, text));
            }
        };
        let (low, high) = Self::MEMORY;
        range(
            "memory",
            (low..=high).contains(&self.memory),
            format!("{} is out of range; give {low} to {high}", self.memory),
        );
        let (low, high) = Self::WALL_TIME;
        let fits = (low..=high).contains(&self.wall_time);
        range("wall_time", fits, format!("{:?} is out of range; give {low:?} to 31 days", self.wall_time));
        let max = Self::OUTPUT_MAX;
        range("output", self.output <= max, format!("{} is out of range; give at most {max}", self.output));
        let max = Self::SCRATCH_MAX;
        range("scratch", self.scratch <= max, format!("{} is out of range; give at most {max}", self.scratch));
        let max = Self::FILES_MAX;
        range("files", self.files <= max, format!("{} is out of range; give at most {max}", self.files));
        let max = Self::PROCESSES_MAX;
        range(
            "processes",
            (1..=max).contains(&self.processes),
            format!("{} is out of range; give 1 to {max}", self.processes),
        );
        let max = Self::CPU_MILLIS_MAX;
        range(
            "cpu_millis",
            (10..=max).contains(&self.cpu_millis),
            format!("{} is out of range; give 10 to {max}", self.cpu_millis),
        );
        Invalid::unless_empty(problems)
    }
}
