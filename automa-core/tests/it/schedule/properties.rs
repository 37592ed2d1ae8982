//! Schedules under random input: nothing panics, time never goes back, and the fields are met.

use automa_core::schedule::{CronExpr, Interval, Schedule, Zone};
use jiff::Timestamp;
use jiff::tz::AmbiguousOffset;
use proptest::prelude::*;

const ZONES: [&str; 10] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "Europe/Dublin",
];

/// A field as a text and the numbers it means.
#[derive(Debug, Clone)]
struct Field {
    text: String,
    numbers: Vec<i8>,
}

/// `*`, one number, a range with a step, or a star with a step.
fn field(low: i8, high: i8) -> impl Strategy<Value = Field> {
    let all = (low..=high).collect::<Vec<_>>();
    let stepped = move |from: i8, to: i8, step: i8| (from..=to).step_by(step as usize).collect::<Vec<_>>();
    prop_oneof![
        3 => Just(Field { text: "*".to_owned(), numbers: all }),
        3 => (low..=high).prop_map(|only| Field { text: only.to_string(), numbers: vec![only] }),
        1 => (1..high - low).prop_map(move |step| Field { text: format!("*/{step}"), numbers: stepped(low, high, step) }),
        1 => (low..=high, low..=high, 1..high - low).prop_map(move |(one, other, step)| {
            let (from, to) = (one.min(other), one.max(other));
            Field { text: format!("{from}-{to}/{step}"), numbers: stepped(from, to, step) }
        }),
    ]
}

/// A cron expression and its fields; the days are limited to 28, which every month has.
fn expression() -> impl Strategy<Value = [Field; 6]> {
    let second = prop_oneof![4 => Just(Field { text: "0".to_owned(), numbers: vec![0] }), 1 => field(0, 59)];
    [
        second.boxed(),
        field(0, 59).boxed(),
        field(0, 23).boxed(),
        days().boxed(),
        field(1, 12).boxed(),
        field(0, 6).boxed(),
    ]
}

fn days() -> impl Strategy<Value = Field> {
    field(1, 28).prop_map(|mut days| {
        if days.text.starts_with('*') {
            // A star reaches the 31st, unlike the numbers made here.
            let step = days.text.strip_prefix("*/").map_or(1, |step| step.parse().unwrap());
            days.numbers = (1..=31).step_by(step).collect();
        }
        days
    })
}

fn schedule(fields: &[Field; 6], zone: &str) -> Option<Schedule> {
    let text: Vec<&str> = fields.iter().map(|field| field.text.as_str()).collect();
    let expression = text.join(" ").parse().ok()?;
    Some(Schedule::Cron { expression, zone: zone.parse().unwrap() })
}

/// From 1950 to 2080, often close to where clocks change in Berlin and New York.
fn instant() -> impl Strategy<Value = Timestamp> {
    let changes = [1_743_296_400_i64, 1_761_440_400, 1_741_503_600, 1_762_063_200, 1_325_239_200, 1_541_300_400];
    let near = (0..changes.len(), -90_000..90_000_i64).prop_map(move |(at, away)| changes[at] + away);
    prop_oneof![-631_152_000..3_471_292_800_i64, near].prop_map(|second| Timestamp::from_second(second).unwrap())
}

/// Whether a local time meets the fields, said in another way than the walker does it.
fn meets(fields: &[Field; 6], local: jiff::civil::DateTime) -> bool {
    let has = |at: usize, number: i8| fields[at].numbers.contains(&number);
    let by_day = has(3, local.day());
    let by_weekday = has(5, local.weekday().to_sunday_zero_offset());
    let star = fields[3].text.starts_with('*') || fields[5].text.starts_with('*');
    let date = has(4, local.month()) && if star { by_day && by_weekday } else { by_day || by_weekday };
    date && has(0, local.second()) && has(1, local.minute()) && has(2, local.hour())
}

/// Whether the clock was set forward at this very instant.
fn ends_a_gap(zone: &Zone, instant: Timestamp) -> bool {
    let just_before = instant.checked_sub(jiff::SignedDuration::from_secs(1)).unwrap();
    let local = zone.time_zone().to_datetime(just_before);
    let next = local.checked_add(jiff::SignedDuration::from_secs(1)).unwrap();
    matches!(zone.time_zone().to_ambiguous_timestamp(next).offset(), AmbiguousOffset::Gap { .. })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_cron_parser_panic(text in ".{0,300}") {
        let _ = text.parse::<CronExpr>();
    }

    #[test]
    fn no_text_that_looks_like_cron_makes_it_panic(
        text in "@?[0-9*?/,LWlw#A-Fa-f -]{0,40}( [0-9*,/#?LW-]{1,6}){0,6}",
        after in instant(),
    ) {
        if let Ok(expression) = text.parse::<CronExpr>() {
            prop_assert_eq!(expression.to_string(), text.trim());
            let schedule = Schedule::Cron { expression, zone: "Europe/Berlin".parse().unwrap() };
            prop_assert!(schedule.next_after(after).is_some());
            prop_assert!(!schedule.describe().is_empty());
        }
    }

    #[test]
    fn an_expression_of_valid_words_is_read_or_refused_with_reasons(
        minute in "([0-9]{1,2}|\\*)(-[0-9]{1,2})?(/[0-9]{1,2})?",
        day in "([0-9]{1,2}W?|L|LW|\\?|\\*)(,[0-9]{1,2})?",
        month in "(JAN|feb|Dec|[0-9]{1,2})(-(MAR|DEC|12))?",
        weekday in "(MON|sun|[0-9])(#[1-5L]|L|-[0-9])?",
        after in instant(),
    ) {
        match format!("{minute} 2 {day} {month} {weekday}").parse::<CronExpr>() {
            Ok(expression) => {
                let schedule = Schedule::Cron { expression, zone: Zone::default() };
                prop_assert!(schedule.next_after(after).is_some_and(|next| next > after));
            }
            Err(invalid) => prop_assert!(!invalid.problems().is_empty()),
        }
    }

    #[test]
    fn no_text_makes_zones_or_intervals_panic(text in ".{0,100}") {
        let _ = text.parse::<Zone>();
        let _ = text.parse::<Interval>();
    }

    #[test]
    fn every_instant_is_later_than_the_one_before_and_meets_the_fields(
        fields in expression(),
        zone in prop::sample::select(&ZONES[..]),
        after in instant(),
    ) {
        let Some(schedule) = schedule(&fields, zone) else { return Ok(()) };
        let zone: Zone = zone.parse().unwrap();
        let mut last = after;
        for next in schedule.preview(after, 20) {
            prop_assert!(next > last, "{} after {}", next, last);
            let local = zone.time_zone().to_datetime(next);
            prop_assert!(meets(&fields, local) || ends_a_gap(&zone, next), "{} is {}", next, local);
            prop_assert_eq!(schedule.latest_in(last, next), Some(next));
            last = next;
        }
    }

    #[test]
    fn an_interval_never_goes_back(
        seconds in 1..315_360_000_u64,
        anchor in instant(),
        after in instant(),
        span in 0..100_000_000_i64,
    ) {
        let every = Interval::try_from(std::time::Duration::from_secs(seconds)).unwrap();
        let schedule = Schedule::Interval { every, anchor };
        let next = schedule.next_after(after).unwrap();
        prop_assert!(next > after && next >= anchor);
        prop_assert_eq!((next.as_second() - anchor.as_second()) % seconds as i64, 0);
        let until = Timestamp::from_second(after.as_second() + span).unwrap();
        let walked: Vec<_> = schedule.preview(after, 50).into_iter().take_while(|instant| *instant <= until).collect();
        prop_assert_eq!(schedule.count_in(after, until, 50), walked.len());
        if walked.len() < 50 {
            prop_assert_eq!(schedule.latest_in(after, until), walked.last().copied());
        }
    }
}

proptest! {
    // Each case looks at two hours of seconds.
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// Nothing is left out: an instant whose local time meets the fields and is there only once is given.
    #[test]
    fn an_instant_that_meets_the_fields_is_not_left_out(
        fields in expression(),
        zone in prop::sample::select(&ZONES[..]),
        after in instant(),
    ) {
        let Some(schedule) = schedule(&fields, zone) else { return Ok(()) };
        let zone: Zone = zone.parse().unwrap();
        let until = Timestamp::from_second(after.as_second() + 7_200).unwrap();
        let given = schedule.preview(after, 7_200);
        for second in after.as_second() + 1..=until.as_second() {
            let instant = Timestamp::from_second(second).unwrap();
            let local = zone.time_zone().to_datetime(instant);
            let once = !zone.time_zone().to_ambiguous_timestamp(local).is_ambiguous();
            if once && meets(&fields, local) {
                prop_assert!(given.binary_search(&instant).is_ok(), "{} is left out", local);
            }
        }
    }
}
