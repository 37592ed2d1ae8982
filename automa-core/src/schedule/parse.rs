//! Reads a cron expression, and says everything that is wrong with one.

use super::CronExpr;
use super::fields::{Days, Fields, Rhythm, Weekdays, bits};
use crate::error::{Invalid, Problem};

/// What a field is called, which numbers it takes and which names stand for them.
#[derive(Debug)]
struct Spec {
    /// As problems name it.
    field: &'static str,
    /// One of its values, with an article.
    noun: &'static str,
    low: u32,
    high: u32,
    /// Names for `low`, `low + 1` and so on.
    names: &'static [&'static str],
    /// What to give, as a remedy says it.
    range: &'static str,
}

const SECOND: Spec = Spec { field: "second", noun: "a second", low: 0, high: 59, names: &[], range: "0 to 59" };
const MINUTE: Spec = Spec { field: "minute", noun: "a minute", low: 0, high: 59, names: &[], range: "0 to 59" };
const HOUR: Spec = Spec { field: "hour", noun: "an hour", low: 0, high: 23, names: &[], range: "0 to 23" };
const DAY: Spec = Spec {
    field: "day_of_month",
    noun: "a day of the month",
    low: 1,
    high: 31,
    names: &[],
    range: "1 to 31, L for the last day, LW for the last weekday, or 15W for the weekday nearest to the 15th",
};
const MONTH: Spec =
    Spec { field: "month", noun: "a month", low: 1, high: 12, names: &MONTHS, range: "1 to 12 or JAN to DEC" };
const WEEKDAY: Spec = Spec {
    field: "day_of_week",
    noun: "a day of the week",
    low: 0,
    high: 6,
    names: &WEEKDAYS,
    range: "0 to 7 (Sunday is 0 and 7), SUN to SAT, FRI#2 for the second Friday, or FRIL for the last",
};

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// Reads a whole expression without white space around it.
pub(super) fn expression(text: &str) -> Result<Fields, Invalid> {
    let whole = |message: String| Err(Invalid::new("", message));
    if text.len() > CronExpr::MAX_LENGTH {
        return whole(format!("{} bytes are too long; give at most {}", text.len(), CronExpr::MAX_LENGTH));
    }
    let text = if text.starts_with('@') { nickname(text)? } else { text };
    let parts: Vec<&str> = text.split_ascii_whitespace().collect();
    let (second, rest) = match parts[..] {
        [a, b, c, d, e] => (None, [a, b, c, d, e]),
        [second, a, b, c, d, e] => (Some(second), [a, b, c, d, e]),
        [] => return whole(format!("it is empty; {EXAMPLE}")),
        _ if parts.len() == 7 => {
            return whole(format!("7 fields were found, and there is no field for the year; {EXAMPLE}"));
        }
        _ => {
            let count = parts.len();
            let were = if count == 1 { "field was" } else { "fields were" };
            return whole(format!("{count} {were} found; {EXAMPLE}"));
        }
    };
    fields(second, rest)
}

/// What an expression looks like, behind a message that it does not.
const EXAMPLE: &str = "give five, minute hour day_of_month month day_of_week, such as \"30 2 * * MON-FRI\" \
                       (at 02:30 from Monday to Friday), or six with the second in front";

fn nickname(text: &str) -> Result<&'static str, Invalid> {
    if let Some((_, meaning)) = NICKNAMES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)) {
        return Ok(meaning);
    }
    let remedy = "give @yearly, @annually, @monthly, @weekly, @daily, @midnight or @hourly";
    let word = text.split_ascii_whitespace().next().unwrap_or(text);
    let message = match word.to_ascii_lowercase().as_str() {
        "@reboot" => format!("@reboot is not a time, so no schedule can have it; {remedy}"),
        "@every" => "@every is no cron expression; use an interval schedule instead, such as 5m".to_owned(),
        name if NICKNAMES.iter().any(|(known, _)| *known == name) => {
            format!("{word} stands alone, and something follows it; give {word} only")
        }
        _ => format!("{} is not a nickname that is known; {remedy}", quoted(word)),
    };
    Err(Invalid::new("", message))
}

/// Reads each field, and collects what is wrong with any.
fn fields(second: Option<&str>, [minute, hour, day, month, weekday]: [&str; 5]) -> Result<Fields, Invalid> {
    let mut problems = Vec::new();
    let seconds = second.map_or(1, |text| plain(&SECOND, text, &mut problems));
    let minutes = plain(&MINUTE, minute, &mut problems);
    let hours = plain(&HOUR, hour, &mut problems);
    let days = days(day, &mut problems);
    let months = plain(&MONTH, month, &mut problems);
    let weekdays = weekdays(weekday, &mut problems);
    Invalid::unless_empty(problems)?;

    let wildcard = minute.starts_with('*') || hour.starts_with('*');
    let rhythm = if wildcard { Rhythm::Wildcard } else { Rhythm::Fixed };
    // Each set's members are inside its field's range, so nothing is cut off.
    let fields = Fields { seconds, minutes, hours: hours as u32, days, months: months as u16, weekdays, rhythm };
    if fields.happens() { Ok(fields) } else { Err(never(&fields)) }
}

/// Why no date meets the fields.
fn never(fields: &Fields) -> Invalid {
    let names: Vec<&str> = bits(fields.months.into()).map(|month| MONTHS[month as usize - 1]).collect();
    let lengths = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let longest = bits(fields.months.into()).map(|month| lengths[month as usize - 1]).max().unwrap_or(31);
    let wanted = fields.days.numbers | fields.days.nearest;
    if wanted.trailing_zeros() <= longest {
        let message = "no date ever meets both day_of_month and day_of_week; widen one of them";
        return Invalid::new(DAY.field, format!("never happens: {message}"));
    }
    let day = wanted.trailing_zeros();
    let which = match names[..] {
        [only] => format!("{only} has no day {day}"),
        _ => format!("none of {} has a day {day}", names.join(", ")),
    };
    Invalid::new(DAY.field, format!("never happens: {which}; give 1 to {longest}, or L for the last day"))
}

/// Reads a field of numbers and names only.
fn plain(spec: &Spec, text: &str, problems: &mut Vec<Problem>) -> u64 {
    let mut set = 0;
    each(spec, text, problems, |item| {
        set |= span(spec, item)?;
        Ok(())
    });
    set
}

fn days(text: &str, problems: &mut Vec<Problem>) -> Days {
    let mut days = Days { star: text.starts_with(['*', '?']), ..Days::default() };
    each(&DAY, text, problems, |item| {
        let upper = item.to_ascii_uppercase();
        match upper.as_str() {
            "?" => days.numbers |= span(&DAY, "*")? as u32,
            "L" => days.last = true,
            "LW" => days.last_weekday = true,
            _ => match upper.strip_suffix('W') {
                Some(day) if day.contains(['-', '/', '*']) => {
                    return Err(format!("W takes a single day, not {}; write 15W", quoted(item)));
                }
                Some(day) if !day.is_empty() => days.nearest |= 1 << value(&DAY, day, item)?,
                _ => days.numbers |= span(&DAY, item)? as u32,
            },
        }
        Ok(())
    });
    days
}

fn weekdays(text: &str, problems: &mut Vec<Problem>) -> Weekdays {
    let mut weekdays = Weekdays { star: text.starts_with(['*', '?']), ..Weekdays::default() };
    each(&WEEKDAY, text, problems, |item| {
        let upper = item.to_ascii_uppercase();
        if upper == "?" {
            weekdays.every |= span(&WEEKDAY, "*")? as u8;
        } else if upper == "L" {
            return Err("L alone names no day of the week; write FRIL for the last Friday of the month".to_owned());
        } else if let Some((weekday, which)) = upper.split_once('#') {
            let bit = 1 << (value(&WEEKDAY, weekday, item)? % 7);
            match which {
                "L" => weekdays.last |= bit,
                "1" | "2" | "3" | "4" | "5" => weekdays.nth[usize::from(which.as_bytes()[0] - b'1')] |= bit,
                _ => {
                    return Err(format!(
                        "{} asks for what no month has; give #1 to #5, or #L for the last",
                        quoted(item)
                    ));
                }
            }
        } else if let Some(weekday) = upper.strip_suffix('L') {
            weekdays.last |= 1 << (value(&WEEKDAY, weekday, item)? % 7);
        } else {
            weekdays.every |= span(&WEEKDAY, item)? as u8;
        }
        Ok(())
    });
    weekdays
}

/// Takes a field's list apart and adds at most one problem: the first, and how many more there are.
fn each(spec: &Spec, text: &str, problems: &mut Vec<Problem>, mut take: impl FnMut(&str) -> Result<(), String>) {
    let mut wrong = text.split(',').filter_map(|item| {
        let taken = match item {
            "" => Err(format!("{} has an empty place in its list; remove the comma too many", quoted(text))),
            _ => take(item),
        };
        taken.err()
    });
    let Some(mut message) = wrong.next() else { return };
    let more = wrong.count();
    if more > 0 {
        message.push_str(&format!(" ({more} more of this list {} wrong too)", if more == 1 { "is" } else { "are" }));
    }
    problems.push(Problem::new(spec.field, message));
}

/// Reads `*`, `5`, `1-5` and each of them with a step, as a set.
fn span(spec: &Spec, item: &str) -> Result<u64, String> {
    let (base, step) = match item.split_once('/') {
        Some((base, step)) => (base, Some(step)),
        None => (item, None),
    };
    let (from, to) = if base == "*" {
        (spec.low, spec.high)
    } else if base == "?" {
        return Err(match spec.field {
            "day_of_month" | "day_of_week" => format!("{} is more than ? alone; write * instead of ?", quoted(item)),
            _ => format!("? is for day_of_month and day_of_week only; write * for every {}", spec.field),
        });
    } else if let Some((from, to)) = base.split_once('-') {
        range(spec, from, to, item)?
    } else {
        let only = value(spec, base, item)?;
        // A number with a step begins there and goes on to the end of the field.
        if step.is_some() { (only % (spec.high + 1), spec.high) } else { (only, only) }
    };
    let step = match step {
        Some(step) => self::step(spec, step, item)?,
        None => 1,
    };
    let set = (from..=to).step_by(step).fold(0, |set, value| set | 1_u64 << value);
    // Sunday may have been written as 7.
    Ok(if spec.field == WEEKDAY.field { (set | set >> 7) & 0x7f } else { set })
}

fn range(spec: &Spec, from: &str, to: &str, item: &str) -> Result<(u32, u32), String> {
    let mut low = value(spec, from, item)?;
    let mut high = value(spec, to, item)?;
    if spec.field == WEEKDAY.field {
        if to.eq_ignore_ascii_case("SUN") && low > 0 {
            // `FRI-SUN` goes up to the Sunday that ends the week,
            high = 7;
        } else if low == 7 && high < 7 {
            // and `7-2` starts on the one that begins it.
            low = 0;
        }
    }
    if low <= high {
        return Ok((low, high));
    }
    Err(format!("{} runs backwards; write {from}-{},{}-{to}", quoted(item), spec.high, spec.low))
}

fn step(spec: &Spec, text: &str, item: &str) -> Result<usize, String> {
    // A longer step would never reach a second value.
    let most = spec.high - spec.low;
    match number(text) {
        Some(0) => Err(format!("the step of {} is zero; give a step of 1 to {most}", quoted(item))),
        Some(step) if step <= most => Ok(step as usize),
        Some(_) => Err(format!("the step of {} leaves only its first value; give a step of 1 to {most}", quoted(item))),
        None => Err(format!("the step of {} is not a whole number; give a step of 1 to {most}", quoted(item))),
    }
}

/// Reads one number or name of a field; `item` is what it stands in.
fn value(spec: &Spec, text: &str, item: &str) -> Result<u32, String> {
    if let Some(at) = spec.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
        return Ok(spec.low + at as u32);
    }
    let Spec { noun, range, .. } = spec;
    let high = if spec.field == WEEKDAY.field { 7 } else { spec.high };
    match number(text) {
        Some(number) if (spec.low..=high).contains(&number) => Ok(number),
        Some(_) if text == item => Err(format!("{text} is out of range; give {range}")),
        Some(_) => Err(format!("{text} in {} is out of range; give {range}", quoted(item))),
        None => match spec.names.iter().find(|name| text.to_ascii_uppercase().starts_with(**name)) {
            Some(name) => Err(format!("{} is not {noun}; write {name}", quoted(text))),
            None if text == item => Err(format!("{} is not {noun}; give {range}", quoted(text))),
            None => Err(format!("{} in {} is not {noun}; give {range}", quoted(text), quoted(item))),
        },
    }
}

/// A number of digits only; one that is too large for its type is larger than every field's.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u32::MAX))
}

/// The text in quotes, escaped, and no longer than a message can bear.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(32) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
