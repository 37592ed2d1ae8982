//! A cron expression in English, as far as a phrase can say it.

use super::fields::{Days, Fields, Rhythm, Weekdays, bits};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const ALL_60: u64 = (1 << 60) - 1;
const ALL_24: u64 = (1 << 24) - 1;
const ALL_MONTHS: u16 = 0b1_1111_1111_1110;

/// More times of day than this are not listed one by one.
const LISTED: usize = 6;

/// `every day at 02:30`, `every 15 minutes from Monday to Friday`.
pub(super) fn cron(fields: &Fields) -> String {
    let days = days(fields);
    match times(fields) {
        Some(times) => format!("{} at {times}", days.unwrap_or_else(|| format!("every day{}", in_months(fields)))),
        None => match days {
            Some(days) => format!("{} {days}", rhythm(fields)),
            None => format!("{}{}", rhythm(fields), in_months(fields)),
        },
    }
}

/// The times of day, when they are fixed and few: `02:30 and 14:30`.
fn times(fields: &Fields) -> Option<String> {
    let count = fields.hours.count_ones() * fields.minutes.count_ones() * fields.seconds.count_ones();
    if fields.rhythm == Rhythm::Wildcard || count as usize > LISTED {
        return None;
    }
    let mut times = Vec::new();
    for hour in bits(fields.hours.into()) {
        for minute in bits(fields.minutes) {
            for second in bits(fields.seconds) {
                let seconds = if fields.seconds == 1 { String::new() } else { format!(":{second:02}") };
                times.push(format!("{hour:02}:{minute:02}{seconds}"));
            }
        }
    }
    Some(list(&times))
}

/// What is met within a day, when it is not a few fixed times: `every 15 minutes of hours 9 to 17`.
fn rhythm(fields: &Fields) -> String {
    let (seconds, minutes, hours) = (fields.seconds, fields.minutes, u64::from(fields.hours));
    let of_hours = if hours == ALL_24 { String::new() } else { format!(" of {}", numbered("hour", hours)) };
    if seconds != 1 {
        let within = match (minutes == ALL_60, hours == ALL_24) {
            (true, _) => of_hours,
            (false, true) => format!(" of {} of every hour", numbered("minute", minutes)),
            (false, false) => format!(" of {}{of_hours}", numbered("minute", minutes)),
        };
        return match every(seconds, 60, "second") {
            Some(every) => format!("{every}{within}"),
            None if within.is_empty() => format!("at {} of every minute", numbered("second", seconds)),
            None => format!("at {}{within}", numbered("second", seconds)),
        };
    }
    if minutes == 1
        && let Some(every) = every(hours, 24, "hour")
    {
        return every;
    }
    match every(minutes, 60, "minute") {
        Some(every) => format!("{every}{of_hours}"),
        None if hours == ALL_24 => format!("at {} of every hour", numbered("minute", minutes)),
        None => format!("at {}{of_hours}", numbered("minute", minutes)),
    }
}

/// `every minute`, `every 15 minutes`: when the set's members stand at equal distances, from one day or hour into the
/// next too.
fn every(set: u64, size: u32, unit: &str) -> Option<String> {
    let count = set.count_ones();
    let step = size.checked_div(count)?;
    let regular = count > 1 && step * count == size && bits(set).eq((0..size).step_by(step as usize));
    match step {
        _ if !regular => None,
        1 => Some(format!("every {unit}")),
        _ => Some(format!("every {step} {unit}s")),
    }
}

/// Which days: `on the 1st of every month`, `from Monday to Friday in July`. `None` when it is every day of some or all
/// months.
fn days(fields: &Fields) -> Option<String> {
    let month = if fields.months == ALL_MONTHS { "every month".to_owned() } else { list(&months(fields)) };
    let Fields { days, weekdays, .. } = fields;
    let any_day = days.star && days.numbers == u32::MAX << 1;
    let any_weekday = weekdays.star && weekdays.every == 0x7f;
    match (any_day, any_weekday) {
        (true, true) => None,
        (false, true) => Some(format!("on {} of {month}", days_of_month(days))),
        (true, false) => Some(days_of_week(weekdays, &month, fields)),
        (false, false) => {
            let days = format!("on {} of {month}", days_of_month(days));
            let link = if fields.days.star || weekdays.star { ", if that is also" } else { ", and also" };
            Some(format!("{days}{link} {}", days_of_week(weekdays, &month, fields)))
        }
    }
}

/// `the 1st, the 15th and the last day`.
fn days_of_month(days: &Days) -> String {
    let mut parts: Vec<String> = runs(bits(days.numbers.into()), |day| format!("the {}", ordinal(day)));
    parts.extend(bits(days.nearest.into()).map(|day| format!("the weekday nearest to the {}", ordinal(day))));
    if days.last_weekday {
        parts.push("the last weekday".to_owned());
    }
    if days.last {
        parts.push("the last day".to_owned());
    }
    list(&parts)
}

/// `on Monday and Friday`, `from Monday to Friday`, `on the 2nd Friday of every month`.
fn days_of_week(weekdays: &Weekdays, month: &str, fields: &Fields) -> String {
    let name = |weekday: u32| WEEKDAYS[weekday as usize].to_owned();
    // The week is read from Monday on, so that Friday, Saturday and Sunday are one run.
    let from_monday =
        bits(u64::from(weekdays.every)).map(|weekday| (weekday + 6) % 7).fold(0, |set, day| set | 1 << day);
    let every = runs(bits(from_monday), |day| name((day + 1) % 7));
    let mut of_month = Vec::new();
    for (nth, set) in (1..).zip(weekdays.nth) {
        of_month.extend(bits(set.into()).map(|weekday| format!("the {} {}", ordinal(nth), name(weekday))));
    }
    of_month.extend(bits(weekdays.last.into()).map(|weekday| format!("the last {}", name(weekday))));
    let every_one_run = every.len() == 1 && every[0].contains(" to ");
    let on = if every_one_run && of_month.is_empty() { "from" } else { "on" };
    let names = list(&[every, of_month.clone()].concat());
    if of_month.is_empty() { format!("{on} {names}{}", in_months(fields)) } else { format!("{on} {names} of {month}") }
}

fn months(fields: &Fields) -> Vec<String> {
    runs(bits(fields.months.into()), |month| MONTHS[month as usize - 1].to_owned())
}

/// ` in July`, or nothing when every month is meant.
fn in_months(fields: &Fields) -> String {
    if fields.months == ALL_MONTHS { String::new() } else { format!(" in {}", list(&months(fields))) }
}

/// `minute 30`, `minutes 0, 5 and 10 to 20`.
fn numbered(unit: &str, set: u64) -> String {
    let parts = runs(bits(set), |number| number.to_string());
    let plural = if set.count_ones() == 1 { "" } else { "s" };
    format!("{unit}{plural} {}", list(&parts))
}

/// The members in words, three or more in a row as `first to last`.
fn runs(members: impl Iterator<Item = u32>, word: impl Fn(u32) -> String) -> Vec<String> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for member in members {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == member => *last = member,
            _ => runs.push((member, member)),
        }
    }
    let mut words = Vec::new();
    for (first, last) in runs {
        match last - first {
            0 => words.push(word(first)),
            1 => words.extend([word(first), word(last)]),
            _ => words.push(format!("{} to {}", word(first), word(last))),
        }
    }
    words
}

/// `a`, `a and b`, `a, b and c`.
fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `1st`, `2nd`, `11th`.
fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number / 10) {
        (1, tens) if tens != 1 => "st",
        (2, tens) if tens != 1 => "nd",
        (3, tens) if tens != 1 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}
