//! Schedules: what they promise about instants, errors and words.

mod errors;
mod golden;
mod properties;

use std::time::{Duration, Instant};

use automa_core::schedule::{CronExpr, Interval, Schedule, Zone};
use jiff::Timestamp;

/// A cron schedule that must be readable.
fn cron(expression: &str, zone: &str) -> Schedule {
    Schedule::Cron { expression: expression.parse().unwrap(), zone: zone.parse().unwrap() }
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn every(text: &str) -> Interval {
    text.parse().unwrap()
}

#[test]
fn an_interval_starts_at_its_anchor_and_keeps_its_distance() {
    let schedule = Schedule::Interval { every: every("90s"), anchor: instant("2025-01-01T00:00:10Z") };
    assert_eq!(schedule.next_after(instant("2024-06-01T00:00:00Z")), Some(instant("2025-01-01T00:00:10Z")));
    assert_eq!(schedule.next_after(instant("2025-01-01T00:00:10Z")), Some(instant("2025-01-01T00:01:40Z")));
    assert_eq!(schedule.next_after(instant("2025-01-01T00:01:39.999Z")), Some(instant("2025-01-01T00:01:40Z")));
    assert_eq!(
        schedule.preview(instant("2025-01-01T00:01:40Z"), 2),
        [instant("2025-01-01T00:03:10Z"), instant("2025-01-01T00:04:40Z")]
    );
}

#[test]
fn an_interval_ignores_daylight_saving() {
    let schedule = Schedule::Interval { every: every("1d"), anchor: instant("2025-03-29T12:00:00+01:00") };
    assert_eq!(schedule.next_after(instant("2025-03-29T12:00:00+01:00")), Some(instant("2025-03-30T13:00:00+02:00")));
}

#[test]
fn once_comes_once() {
    let at = instant("2025-01-01T00:00:00.5Z");
    let schedule = Schedule::Once { at };
    assert_eq!(schedule.next_after(instant("2025-01-01T00:00:00Z")), Some(at));
    assert_eq!(schedule.next_after(at), None);
    assert_eq!(schedule.preview(Timestamp::MIN, 5), [at]);
    assert_eq!(schedule.latest_in(Timestamp::MIN, at), Some(at));
    assert_eq!(schedule.latest_in(at, Timestamp::MAX), None);
    assert_eq!(schedule.count_in(Timestamp::MIN, Timestamp::MAX, 9), 1);
}

#[test]
fn manual_never_comes_by_itself() {
    assert_eq!(Schedule::Manual.next_after(Timestamp::MIN), None);
    assert_eq!(Schedule::Manual.latest_in(Timestamp::MIN, Timestamp::MAX), None);
    assert!(Schedule::Manual.preview(Timestamp::MIN, 3).is_empty());
}

#[test]
fn a_preview_is_as_long_as_asked_for() {
    let schedule = cron("0 0 29 2 *", "Europe/Berlin");
    assert_eq!(schedule.preview(instant("2025-01-01T00:00:00Z"), 0).len(), 0);
    assert_eq!(schedule.preview(instant("2025-01-01T00:00:00Z"), 7).len(), 7);
}

#[test]
fn the_latest_is_the_last_that_walking_finds() {
    let (after, until) = (instant("2025-10-24T00:00:00Z"), instant("2025-10-28T00:00:00Z"));
    for expression in ["30 2 * * *", "*/15 2 * * *", "0,30 1-3 * * *", "* * * * *", "30 2 26 10 *", "*/20 30 2 * * *"] {
        let schedule = cron(expression, "Europe/Berlin");
        let mut walked = schedule.preview(after, 6_000);
        walked.retain(|instant| *instant <= until);
        assert_eq!(schedule.latest_in(after, until), walked.last().copied(), "{expression}");
        for pair in walked.windows(2) {
            assert_eq!(schedule.latest_in(after, pair[1]), Some(pair[1]), "{expression}");
            let before = pair[1].checked_sub(Duration::from_nanos(1)).unwrap();
            assert_eq!(schedule.latest_in(after, before), Some(pair[0]), "{expression}");
        }
        assert_eq!(schedule.count_in(after, until, 6_000), walked.len(), "{expression}");
    }
}

#[test]
fn the_latest_excludes_the_start_and_includes_the_end() {
    let schedule = cron("0 12 * * *", "UTC");
    let noon = instant("2025-01-01T12:00:00Z");
    assert_eq!(schedule.latest_in(instant("2025-01-01T11:00:00Z"), noon), Some(noon));
    assert_eq!(schedule.latest_in(noon, instant("2025-01-02T11:59:59Z")), None);
    assert_eq!(schedule.latest_in(instant("2025-01-03T00:00:00Z"), noon), None);
}

#[test]
fn an_interval_counts_without_walking() {
    let schedule = Schedule::Interval { every: every("1s"), anchor: instant("2020-01-01T00:00:00Z") };
    let (after, until) = (instant("2024-01-01T00:00:00Z"), instant("2025-01-01T00:00:00.9Z"));
    assert_eq!(schedule.latest_in(after, until), Some(instant("2025-01-01T00:00:00Z")));
    assert_eq!(schedule.count_in(after, until, usize::MAX), 366 * 86_400);
    assert_eq!(schedule.count_in(after, until, 100), 100);
    assert_eq!(schedule.count_in(instant("2019-12-31T00:00:00Z"), instant("2020-01-01T00:00:00Z"), 100), 1);
    assert_eq!(schedule.count_in(until, after, 100), 0);
}

#[test]
fn a_count_stops_at_its_limit() {
    let schedule = cron("* * * * * *", "Europe/Berlin");
    assert_eq!(schedule.count_in(instant("2024-01-01T00:00:00Z"), instant("2025-01-01T00:00:00Z"), 1_000), 1_000);
}

/// Ten thousand answers in well under the time that walking through one year of seconds would take.
#[test]
fn a_year_of_downtime_is_cheap_to_look_back_on() {
    let (after, until) = (instant("2024-06-01T00:00:00Z"), instant("2025-06-01T00:00:30Z"));
    let started = Instant::now();
    for _ in 0..2_500 {
        for expression in ["* * * * *", "* * * * * *", "30 2 * * *", "0 0 29 2 *"] {
            let schedule = cron(expression, "Europe/Berlin");
            let latest = schedule.latest_in(after, until);
            assert_eq!(latest.is_some(), expression != "0 0 29 2 *", "{expression}");
        }
    }
    assert!(started.elapsed() < Duration::from_secs(10), "took {:?}", started.elapsed());
}

#[test]
fn the_ends_of_time_are_quiet() {
    let schedules = [
        cron("* * * * * *", "Pacific/Kiritimati"),
        cron("30 2 * * *", "America/New_York"),
        cron("0 0 29 2 *", "Pacific/Pago_Pago"),
        cron("59 59 23 31 12 *", "Europe/Berlin"),
        Schedule::Interval { every: Interval::MAX, anchor: Timestamp::MAX },
        Schedule::Interval { every: Interval::MIN, anchor: Timestamp::MIN },
        Schedule::Once { at: Timestamp::MAX },
    ];
    for schedule in schedules {
        assert_eq!(schedule.next_after(Timestamp::MAX), None, "{schedule:?}");
        assert!(schedule.next_after(Timestamp::MIN).is_some_and(|next| next > Timestamp::MIN), "{schedule:?}");
        assert!(schedule.latest_in(Timestamp::MIN, Timestamp::MAX).is_some(), "{schedule:?}");
    }
    let last = cron("0 0 0 1 1 *", "UTC").latest_in(Timestamp::MIN, Timestamp::MAX).unwrap();
    assert_eq!(last, instant("9999-01-01T00:00:00Z"));
    assert_eq!(cron("0 0 29 2 *", "UTC").next_after(instant("9996-03-01T00:00:00Z")), None);
}

#[test]
fn an_expression_shows_itself_as_it_was_written() {
    for (written, shown) in [("  30 2 * * MON ", "30 2 * * MON"), ("@Daily", "@Daily"), ("0\t0  1 1 *", "0\t0  1 1 *")]
    {
        let expression: CronExpr = written.parse().unwrap();
        assert_eq!(expression.to_string(), shown);
        assert_eq!(expression.as_str().parse::<CronExpr>().unwrap(), expression);
    }
}

#[test]
fn a_zone_is_found_in_any_case_and_spelled_as_the_database_spells_it() {
    assert_eq!("europe/BERLIN".parse::<Zone>().unwrap().name(), "Europe/Berlin");
    assert_eq!(" utc ".parse::<Zone>().unwrap(), Zone::default());
    assert_eq!(Zone::default().name(), "UTC");
    assert_eq!("America/Argentina/Buenos_Aires".parse::<Zone>().unwrap().to_string(), "America/Argentina/Buenos_Aires");
    assert_eq!("US/Pacific".parse::<Zone>().unwrap().name(), "US/Pacific");
}

#[test]
fn an_interval_shows_itself_as_it_is_read() {
    for (written, shown) in [("90", "1m30s"), ("1.5", "1s500ms"), ("36h", "1d12h"), ("3650d", "3650d"), ("1s", "1s")] {
        let interval: Interval = written.parse().unwrap();
        assert_eq!(interval.to_string(), shown);
        assert_eq!(shown.parse::<Interval>().unwrap(), interval);
    }
    assert_eq!(every("5m").get(), Duration::from_secs(300));
}

#[test]
fn a_schedule_says_in_english_what_it_is() {
    let cases = [
        ("30 2 * * *", "every day at 02:30"),
        ("30 2,14 * * *", "every day at 02:30 and 14:30"),
        ("15 30 2 * * *", "every day at 02:30:15"),
        ("* * * * *", "every minute"),
        ("*/15 * * * *", "every 15 minutes"),
        ("0 * * * *", "every hour"),
        ("@hourly", "every hour"),
        ("0 */2 * * *", "every 2 hours"),
        ("30 * * * *", "at minute 30 of every hour"),
        ("*/25 * * * *", "at minutes 0, 25 and 50 of every hour"),
        ("*/15 9-17 * * MON-FRI", "every 15 minutes of hours 9 to 17 from Monday to Friday"),
        ("0 9-17 * * *", "at minute 0 of hours 9 to 17"),
        ("* * * * * *", "every second"),
        ("*/10 * * * * *", "every 10 seconds"),
        ("30 * * * * *", "at second 30 of every minute"),
        ("0,30 5 * * * *", "every 30 seconds of minute 5 of every hour"),
        ("5 */15 2 * * *", "at second 5 of minutes 0, 15, 30 and 45 of hour 2"),
        ("0 0 * * MON,FRI", "on Monday and Friday at 00:00"),
        ("0 0 * * FRI-SUN", "from Friday to Sunday at 00:00"),
        ("0 0 1,15 * *", "on the 1st and the 15th of every month at 00:00"),
        ("0 0 L 1-3 *", "on the last day of January to March at 00:00"),
        ("0 0 15W,LW * *", "on the weekday nearest to the 15th and the last weekday of every month at 00:00"),
        ("0 0 * * FRI#2,MONL", "on the 2nd Friday and the last Monday of every month at 00:00"),
        ("0 0 13 * FRI", "on the 13th of every month, and also on Friday at 00:00"),
        (
            "0 0 */10 * FRI",
            "on the 1st, the 11th, the 21st and the 31st of every month, if that is also on Friday at 00:00",
        ),
        ("0 0 * JUL *", "every day in July at 00:00"),
        ("* * * JUL,AUG *", "every minute in July and August"),
        ("@yearly", "on the 1st of January at 00:00"),
        ("@weekly", "on Sunday at 00:00"),
    ];
    for (expression, words) in cases {
        assert_eq!(cron(expression, "Europe/Berlin").describe(), format!("{words} in Europe/Berlin"), "{expression}");
    }
    let anchor = instant("2025-01-01T00:00:00Z");
    let interval = |text| Schedule::Interval { every: every(text), anchor }.describe();
    assert_eq!(interval("5m"), "every 5 minutes, counted from 2025-01-01T00:00:00Z");
    assert_eq!(interval("1h"), "every hour, counted from 2025-01-01T00:00:00Z");
    assert_eq!(interval("90m"), "every 1 hour 30 minutes, counted from 2025-01-01T00:00:00Z");
    assert_eq!(Schedule::Once { at: anchor }.describe(), "once, at 2025-01-01T00:00:00Z");
    assert_eq!(Schedule::Manual.describe(), "only when started by hand");
}
