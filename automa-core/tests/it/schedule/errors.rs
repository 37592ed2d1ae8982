//! What bad schedules get: every problem at once, each with its field and a remedy.

use std::time::Duration;

use automa_core::schedule::{CronExpr, Interval, Zone};

/// The problems of an expression that must be refused, as `field: message`.
fn problems(expression: &str) -> Vec<String> {
    let invalid = expression.parse::<CronExpr>().expect_err(expression);
    invalid.problems().iter().map(|problem| format!("{}: {}", problem.field, problem.message)).collect()
}

#[test]
fn six_wrong_fields_are_six_problems_at_once() {
    assert_eq!(
        problems("61 60 25 32 13 8"),
        [
            "second: 61 is out of range; give 0 to 59",
            "minute: 60 is out of range; give 0 to 59",
            "hour: 25 is out of range; give 0 to 23",
            "day_of_month: 32 is out of range; give 1 to 31, L for the last day, LW for the last weekday, or 15W for the \
             weekday nearest to the 15th",
            "month: 13 is out of range; give 1 to 12 or JAN to DEC",
            "day_of_week: 8 is out of range; give 0 to 7 (Sunday is 0 and 7), SUN to SAT, FRI#2 for the second Friday, or \
             FRIL for the last",
        ]
    );
}

#[test]
fn each_kind_of_mistake_has_its_remedy() {
    let days = "1 to 31, L for the last day, LW for the last weekday, or 15W for the weekday nearest to the 15th";
    let week = "0 to 7 (Sunday is 0 and 7), SUN to SAT, FRI#2 for the second Friday, or FRIL for the last";
    let cases: &[(&str, &str)] = &[
        ("x * * * *", "minute: \"x\" is not a minute; give 0 to 59"),
        ("-5 * * * *", "minute: \"\" in \"-5\" is not a minute; give 0 to 59"),
        ("+5 * * * *", "minute: \"+5\" is not a minute; give 0 to 59"),
        ("1.5 * * * *", "minute: \"1.5\" is not a minute; give 0 to 59"),
        ("99999999999999999999 * * * *", "minute: 99999999999999999999 is out of range; give 0 to 59"),
        ("10-70 * * * *", "minute: 70 in \"10-70\" is out of range; give 0 to 59"),
        ("50-10 * * * *", "minute: \"50-10\" runs backwards; write 50-59,0-10"),
        ("* 22-2 * * *", "hour: \"22-2\" runs backwards; write 22-23,0-2"),
        ("0 0 * * FRI-MON", "day_of_week: \"FRI-MON\" runs backwards; write FRI-6,0-MON"),
        ("0 0 1 NOV-FEB *", "month: \"NOV-FEB\" runs backwards; write NOV-12,1-FEB"),
        ("*/0 * * * *", "minute: the step of \"*/0\" is zero; give a step of 1 to 59"),
        ("*/90 * * * *", "minute: the step of \"*/90\" leaves only its first value; give a step of 1 to 59"),
        ("*/x * * * *", "minute: the step of \"*/x\" is not a whole number; give a step of 1 to 59"),
        ("*/ * * * *", "minute: the step of \"*/\" is not a whole number; give a step of 1 to 59"),
        ("0 */24 * * *", "hour: the step of \"*/24\" leaves only its first value; give a step of 1 to 23"),
        ("1,,2 * * * *", "minute: \"1,,2\" has an empty place in its list; remove the comma too many"),
        ("60,61,62 * * * *", "minute: 60 is out of range; give 0 to 59 (2 more of this list are wrong too)"),
        ("60,61,2 * * * *", "minute: 60 is out of range; give 0 to 59 (1 more of this list is wrong too)"),
        ("? * * * *", "minute: ? is for day_of_month and day_of_week only; write * for every minute"),
        ("0 0 ?/2 * *", "day_of_month: \"?/2\" is more than ? alone; write * instead of ?"),
        ("L * * * *", "minute: \"L\" is not a minute; give 0 to 59"),
        ("0 0 0 * *", &format!("day_of_month: 0 is out of range; give {days}")),
        ("0 0 W * *", &format!("day_of_month: \"W\" is not a day of the month; give {days}")),
        ("0 0 32W * *", &format!("day_of_month: 32 in \"32W\" is out of range; give {days}")),
        ("0 0 1-5W * *", "day_of_month: W takes a single day, not \"1-5W\"; write 15W"),
        ("0 0 L-3 * *", &format!("day_of_month: \"L\" in \"L-3\" is not a day of the month; give {days}")),
        ("0 0 1 JANUARY *", "month: \"JANUARY\" is not a month; write JAN"),
        ("0 0 1 XYZ *", "month: \"XYZ\" is not a month; give 1 to 12 or JAN to DEC"),
        ("0 0 1 0 *", "month: 0 is out of range; give 1 to 12 or JAN to DEC"),
        ("0 0 * * Monday", "day_of_week: \"Monday\" is not a day of the week; write MON"),
        ("0 0 * * DAY", &format!("day_of_week: \"DAY\" is not a day of the week; give {week}")),
        ("0 0 * * L", "day_of_week: L alone names no day of the week; write FRIL for the last Friday of the month"),
        ("0 0 * * MON#6", "day_of_week: \"MON#6\" asks for what no month has; give #1 to #5, or #L for the last"),
        ("0 0 * * MON#0", "day_of_week: \"MON#0\" asks for what no month has; give #1 to #5, or #L for the last"),
        ("0 0 * * 9#1", &format!("day_of_week: 9 in \"9#1\" is out of range; give {week}")),
    ];
    for (expression, problem) in cases {
        assert_eq!(problems(expression), [*problem], "{expression}");
    }
}

#[test]
fn what_cannot_be_taken_apart_is_refused_whole() {
    let example = "give five, minute hour day_of_month month day_of_week, such as \"30 2 * * MON-FRI\" (at 02:30 from \
                   Monday to Friday), or six with the second in front";
    let nicknames = "give @yearly, @annually, @monthly, @weekly, @daily, @midnight or @hourly";
    let cases: &[(&str, &str)] = &[
        ("", &format!(": it is empty; {example}")),
        (" \t ", &format!(": it is empty; {example}")),
        ("5", &format!(": 1 field was found; {example}")),
        ("* * * *", &format!(": 4 fields were found; {example}")),
        ("0 0 0 1 1 * 2025", &format!(": 7 fields were found, and there is no field for the year; {example}")),
        ("* * * * * * * *", &format!(": 8 fields were found; {example}")),
        ("@reboot", &format!(": @reboot is not a time, so no schedule can have it; {nicknames}")),
        ("@every 5m", ": @every is no cron expression; use an interval schedule instead, such as 5m"),
        ("@fortnightly", &format!(": \"@fortnightly\" is not a nickname that is known; {nicknames}")),
        ("@daily 5", ": @daily stands alone, and something follows it; give @daily only"),
    ];
    for (expression, problem) in cases {
        assert_eq!(problems(expression), [*problem], "{expression}");
    }
}

#[test]
fn dates_that_never_come_are_refused() {
    let cases = [
        ("0 0 30 2 *", "FEB has no day 30; give 1 to 29, or L for the last day"),
        ("0 0 31 FEB ?", "FEB has no day 31; give 1 to 29, or L for the last day"),
        ("0 0 30W 2 *", "FEB has no day 30; give 1 to 29, or L for the last day"),
        ("0 0 31 4,6,9,11 *", "none of APR, JUN, SEP, NOV has a day 31; give 1 to 30, or L for the last day"),
        ("0 0 30-31 2 */2", "FEB has no day 30; give 1 to 29, or L for the last day"),
        ("0 0 */8 2 MON#5", "no date ever meets both day_of_month and day_of_week; widen one of them"),
    ];
    for (expression, why) in cases {
        assert_eq!(problems(expression), [format!("day_of_month: never happens: {why}")], "{expression}");
    }
    for happens in ["0 0 29 2 *", "0 0 30 2 MON", "0 0 30,31 1-2 *", "0 0 31 4 FRI#5", "0 0 * 2 SUN#5"] {
        assert!(happens.parse::<CronExpr>().is_ok(), "{happens}");
    }
}

#[test]
fn an_expression_of_more_than_256_bytes_is_refused() {
    let list = |minutes: usize| format!("{}1 * * * *", "10,".repeat(minutes));
    assert_eq!(list(82).len(), 255);
    assert!(list(82).parse::<CronExpr>().is_ok());
    assert_eq!(problems(&list(83)), [": 258 bytes are too long; give at most 256"]);
}

#[test]
fn an_error_does_not_repeat_what_was_given_at_length() {
    let long = "é".repeat(100);
    assert_eq!(
        problems(&format!("{long} * * * *")),
        [format!("minute: \"{}\"… is not a minute; give 0 to 59", "é".repeat(32))]
    );
}

#[test]
fn an_unknown_zone_is_refused_with_the_closest_names() {
    let refused = |name: &str| {
        let invalid = name.parse::<Zone>().expect_err(name);
        assert_eq!(invalid.problems().len(), 1);
        assert_eq!(invalid.problems()[0].field, "");
        invalid.to_string()
    };
    assert_eq!(refused("Europe/Berln"), "\"Europe/Berln\" is not a known time zone; did you mean Europe/Berlin?");
    assert_eq!(refused("Berlin"), "\"Berlin\" is not a known time zone; did you mean Europe/Berlin?");
    assert_eq!(refused("new york"), "\"new york\" is not a known time zone; did you mean America/New_York?");
    assert_eq!(refused("Asia/Katmandoo"), "\"Asia/Katmandoo\" is not a known time zone; did you mean Asia/Katmandu?");
    assert_eq!(refused("America/Berlin"), "\"America/Berlin\" is not a known time zone; did you mean Europe/Berlin?");
    assert_eq!(
        refused("posix/Europe/Berlin"),
        "\"posix/Europe/Berlin\" is not a known time zone; did you mean Europe/Berlin?"
    );
    let nothing_close = "is not a known time zone; give an IANA name such as Europe/Berlin, or UTC";
    for name in ["Middle-earth/Shire", "right/UTC", "localtime", "../../etc/passwd", "/etc/passwd"] {
        assert_eq!(refused(name), format!("{name:?} {nothing_close}"));
    }
    assert_eq!(refused(" "), "it is empty; give the name of a time zone such as Europe/Berlin, or UTC");
    assert_eq!(
        refused(&"x".repeat(1_000)),
        "1000 bytes are no name of a time zone; give one of at most 64, such as Europe/Berlin"
    );
}

#[test]
fn an_interval_out_of_range_is_refused() {
    let refused = |text: &str| text.parse::<Interval>().expect_err(text).to_string();
    assert_eq!(refused("0"), "an interval of zero never ends; give 1s to 3650d");
    assert_eq!(refused("0s"), "an interval of zero never ends; give 1s to 3650d");
    assert_eq!(refused("500ms"), "an interval of 500ms is out of range; give 1s to 3650d");
    assert_eq!(refused("3651d"), "an interval of 315446400s is out of range; give 1s to 3650d");
    assert_eq!(refused("1.0005"), "an interval of 1.0005s is too fine; give whole milliseconds");
    assert!(refused("soon").contains("\"soon\" is not a duration"));
    assert!(Interval::try_from(Duration::ZERO).is_err());
    assert_eq!(Interval::try_from(Duration::from_secs(1)), Ok(Interval::MIN));
    assert_eq!(Interval::try_from(Duration::from_secs(3_650 * 86_400)), Ok(Interval::MAX));
}
