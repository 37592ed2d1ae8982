//! Cron against the golden table, which `golden/schedule.py` made without any of our code.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::{cron, instant};

const TABLE: &str = include_str!("../golden/schedule.txt");

/// One line of the table.
struct Case<'a> {
    line: usize,
    expression: &'a str,
    zone: &'a str,
    after: Timestamp,
    expected: Vec<Timestamp>,
}

fn cases() -> Vec<Case<'static>> {
    let lines = (1..).zip(TABLE.lines()).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(line, text)| {
            let [expression, zone, after, expected] = text.split(" | ").collect::<Vec<_>>().try_into().unwrap();
            let expected = expected.split(' ').map(instant).collect();
            Case { line, expression, zone, after: instant(after), expected }
        })
        .collect()
}

#[test]
fn cron_gives_the_instants_of_the_golden_table() {
    let cases = cases();
    assert!(cases.len() >= 200, "only {} cases", cases.len());
    let mut wrong = String::new();
    for case in &cases {
        let schedule = cron(case.expression, case.zone);
        let found = schedule.preview(case.after, case.expected.len());
        if found != case.expected {
            let Case { line, expression, zone, after, expected } = case;
            let local = |instants: &[Timestamp]| {
                let zone: automa_core::schedule::Zone = zone.parse().unwrap();
                let shown = |at: &Timestamp| at.display_with_offset(zone.time_zone().to_offset(*at)).to_string();
                instants.iter().map(shown).collect::<Vec<_>>().join(" ")
            };
            let (expected, found) = (local(expected), local(&found));
            writeln!(
                wrong,
                "line {line}: {expression} in {zone} after {after}\n  expected {expected}\n  found    {found}"
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "golden/schedule.txt:\n{wrong}");
}

#[test]
fn looking_back_gives_the_instants_of_the_golden_table() {
    for Case { line, expression, zone, after, expected } in cases() {
        let schedule = cron(expression, zone);
        let mut since = after;
        for instant in expected {
            assert_eq!(schedule.latest_in(since, instant), Some(instant), "line {line}: {expression} in {zone}");
            let before = instant.checked_sub(std::time::Duration::from_nanos(1)).unwrap();
            assert_eq!(schedule.latest_in(since, before), None, "line {line}: {expression} in {zone}");
            since = instant;
        }
    }
}
