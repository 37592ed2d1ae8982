//! `cargo xtask test` and `cargo xtask ci`: every check, step by step, each with its duration.

mod examples;
mod features;
mod python_module;
mod steps;

use std::time::{Duration, Instant};

use crate::args::Args;
use crate::failure::{Failure, Result};
use crate::process::say;
use crate::workspace::Workspace;
use steps::{SET_UP, STEPS};

/// One check.
#[derive(Debug, Clone, Copy)]
struct Step {
    name: &'static str,
    checks: &'static str,
    run: fn(&Workspace) -> Result<Ending>,
}

/// How a step ended that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ending {
    Passed,
    /// It needs something that this machine lacks; the reason says what, and how to get it.
    LeftOut(String),
}

/// What is said of a step in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Passed,
    LeftOut(String),
    Failed(String),
    NotRun,
}

/// `cargo xtask ci`: as `test`, and what is missing is a failure.
pub(crate) fn ci(ws: &Workspace, args: Args) -> Result {
    main(&Workspace { ci: true, ..ws.clone() }, args)
}

/// `cargo xtask test [--only STEP]… [--keep-going] [--list]`.
pub(crate) fn main(ws: &Workspace, mut args: Args) -> Result {
    let only = args.values("--only")?;
    let keep_going = args.flag("--keep-going");
    let list = args.flag("--list");
    args.finish()?;
    if list {
        STEPS.iter().for_each(|step| say(format_args!("{:<10}{}", step.name, step.checks)));
        return Ok(());
    }
    let chosen = choose(&only)?;
    say(format_args!("builds go to {}", ws.target.display()));
    let mut ended: Vec<(&Step, Verdict, Duration)> = Vec::new();
    let mut stopped = false;
    for (at, step) in chosen.iter().enumerate() {
        if stopped {
            ended.push((step, Verdict::NotRun, Duration::ZERO));
            continue;
        }
        say(format_args!("\n=== {} ({}/{}): {}", step.name, at + 1, chosen.len(), step.checks));
        let begun = Instant::now();
        let verdict = judge(ws, (step.run)(ws));
        let took = begun.elapsed();
        report(step, &verdict, took);
        // Nothing can go well without the set-up.
        stopped = matches!(verdict, Verdict::Failed(_)) && (!keep_going || step.name == SET_UP);
        ended.push((step, verdict, took));
    }
    summarise(&ended)
}

/// The steps to run, the set-up always first.
fn choose(only: &[String]) -> Result<Vec<&'static Step>> {
    if let Some(unknown) = only.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        return Err(Failure(format!("there is no step `{unknown}`; `cargo xtask test --list` lists them")));
    }
    let wanted = |step: &&Step| only.is_empty() || step.name == SET_UP || only.iter().any(|name| name == step.name);
    Ok(STEPS.iter().filter(wanted).collect())
}

fn judge(ws: &Workspace, ended: Result<Ending>) -> Verdict {
    match ended {
        Ok(Ending::Passed) => Verdict::Passed,
        Ok(Ending::LeftOut(why)) if ws.ci => Verdict::Failed(format!("CI leaves nothing out: {why}")),
        Ok(Ending::LeftOut(why)) => Verdict::LeftOut(why),
        Err(failure) => Verdict::Failed(failure.0),
    }
}

fn report(step: &Step, verdict: &Verdict, took: Duration) {
    let name = step.name;
    match verdict {
        Verdict::Passed => say(format_args!("--- {name} passed in {}", seconds(took))),
        Verdict::LeftOut(why) => say(format_args!("--- {name} LEFT OUT: {why}")),
        Verdict::Failed(why) => {
            say(format_args!("--- {name} FAILED after {}: {why}", seconds(took)));
            say(format_args!("    to run only this again: cargo xtask test --only {name}"));
        }
        Verdict::NotRun => {}
    }
}

fn summarise(ended: &[(&Step, Verdict, Duration)]) -> Result {
    say("\n=== summary");
    for (step, verdict, took) in ended {
        let (word, why) = match verdict {
            Verdict::Passed => ("passed", ""),
            Verdict::LeftOut(why) => ("left out", why.as_str()),
            Verdict::Failed(why) => ("FAILED", why.as_str()),
            Verdict::NotRun => ("not run", ""),
        };
        // One line each: what is long was said above.
        let why = why.lines().next().unwrap_or_default();
        say(format_args!("{:<10} {word:<9} {:>8}  {why}", step.name, seconds(*took)).to_string().trim_end());
    }
    let count = |wanted: fn(&Verdict) -> bool| ended.iter().filter(|(_, verdict, _)| wanted(verdict)).count();
    let total: Duration = ended.iter().map(|(_, _, took)| *took).sum();
    let failed = count(|verdict| matches!(verdict, Verdict::Failed(_)));
    say(format_args!("in {}", seconds(total)));
    say(format_args!("{} passed, {failed} failed", count(|verdict| *verdict == Verdict::Passed)));
    // The line above is the last: what failed has been said.
    if failed == 0 { Ok(()) } else { Err(Failure::said_already()) }
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{SET_UP, STEPS, choose};

    #[test]
    fn the_set_up_comes_before_any_chosen_step() {
        let chosen = choose(&["tidy".to_owned()]).unwrap();
        assert_eq!(chosen.iter().map(|step| step.name).collect::<Vec<_>>(), [SET_UP, "tidy"]);
    }

    #[test]
    fn every_step_runs_when_none_is_chosen_and_each_has_its_own_name() {
        assert_eq!(choose(&[]).unwrap().len(), STEPS.len());
        assert_eq!(STEPS.iter().map(|step| step.name).collect::<BTreeSet<_>>().len(), STEPS.len());
        assert_eq!(STEPS[0].name, SET_UP);
    }

    #[test]
    fn an_unknown_step_is_refused_by_name() {
        assert!(choose(&["tydi".to_owned()]).unwrap_err().0.contains("`tydi`"));
    }
}
