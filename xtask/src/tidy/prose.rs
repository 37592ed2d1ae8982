//! Rules for what is written for people: the README's commands, the map's length, the book's pages, every link.

use std::collections::BTreeSet;

use super::{File, Violation};

/// The map of the code stays short enough to be read.
const ARCHITECTURE_MAX: usize = 200;
/// How far down the README both commands may stand.
const README_TOP: usize = 60;
/// What a newcomer types.
const COMMANDS: &[&str] = &["cargo xtask run", "cargo xtask test"];

/// Every violation in the documents.
#[must_use]
pub fn check(files: &[File]) -> Vec<Violation> {
    let mut all = Vec::new();
    for file in files {
        match file.path.as_str() {
            "ARCHITECTURE.md" => all.extend(architecture(file)),
            "README.md" => {
                all.extend(readme(file));
                all.extend(untested(file, files));
            }
            "CHANGELOG.md" => all.extend(changelog(file)),
            "docs/src/SUMMARY.md" => all.extend(summary(file, files)),
            _ => {}
        }
    }
    all.extend(decisions(files));
    all.extend(links(files));
    all
}

fn architecture(file: &File) -> Option<Violation> {
    let lines = file.text.lines().count();
    let what = format!("the map has {lines} lines, fewer than {ARCHITECTURE_MAX} is the rule");
    (lines >= ARCHITECTURE_MAX).then(|| file.violation(lines, what, "move what is not map into docs/src"))
}

fn readme(file: &File) -> Vec<Violation> {
    let top: Vec<&str> = file.text.lines().take(README_TOP).collect();
    let missing = COMMANDS.iter().filter(|command| !top.iter().any(|line| line.contains(**command)));
    missing
        .map(|command| {
            let what = format!("`{command}` is not in the first {README_TOP} lines");
            file.violation(1, what, "open with the two commands")
        })
        .collect()
}

/// The README's Rust is compiled and run as a doctest, if it has any.
fn untested(readme: &File, files: &[File]) -> Option<Violation> {
    let line = readme.text.lines().position(|line| line.starts_with("```rust"))?;
    let included = |file: &File| file.extension() == "rs" && file.text.contains("include_str!(\"../../README.md\")");
    let remedy = "put #[doc = include_str!(\"../../README.md\")] on a private item of examples/src/lib.rs";
    (!files.iter().any(included)).then(|| readme.violation(line + 1, "no doctest runs the README's code", remedy))
}

fn changelog(file: &File) -> Option<Violation> {
    let found = file.text.lines().any(|line| ["## Unreleased", "## [Unreleased]"].contains(&line.trim_end()));
    (!found).then(|| file.violation(1, "there is no section for what is not released", "add `## Unreleased`"))
}

fn summary(summary: &File, files: &[File]) -> Vec<Violation> {
    let listed: BTreeSet<String> =
        targets(&summary.text).into_iter().filter_map(|(_, target)| resolve(&summary.path, &target)).collect();
    let pages = files.iter().filter(|file| file.path.starts_with("docs/src/") && file.extension() == "md");
    pages
        .filter(|page| page.path != summary.path && !listed.contains(&page.path))
        .map(|page| page.violation(1, "the page is not in the book", "list it in docs/src/SUMMARY.md"))
        .collect()
}

/// Decisions are called `NNNN-title.md` and counted from 0001 without a gap.
fn decisions(files: &[File]) -> Vec<Violation> {
    let mut all = Vec::new();
    let mut next = 1;
    for file in files.iter().filter(|file| file.path.starts_with("docs/decisions/") && file.extension() == "md") {
        let number = file.name().split_once('-').filter(|(digits, _)| digits.len() == 4);
        let Some(number) = number.and_then(|(digits, _)| digits.parse::<usize>().ok()) else {
            all.push(file.violation(1, "the decision has no number", "call it NNNN-title.md"));
            continue;
        };
        if number != next {
            let what = format!("decision {number:04} stands where {next:04} should");
            all.push(file.violation(1, what, "number the decisions without gaps or doubles"));
        }
        next = number + 1;
    }
    all
}

/// Every relative link leads to a file, a folder, and a heading that exist.
fn links(files: &[File]) -> Vec<Violation> {
    let mut all = Vec::new();
    let paths: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    for file in files.iter().filter(|file| file.extension() == "md" && !file.is_data()) {
        for (line, target) in targets(&file.text) {
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let leads_to = if path.is_empty() { Some(file.path.clone()) } else { resolve(&file.path, path) };
            let there = leads_to.as_deref().is_some_and(|to| {
                let folder = format!("{}/", to.trim_end_matches('/'));
                to.is_empty()
                    || paths.contains(to)
                    || paths.range(folder.as_str()..).next().is_some_and(|p| p.starts_with(&folder))
            });
            if !there {
                all.push(file.violation(line, format!("the link to `{target}` leads nowhere"), "correct or remove it"));
                continue;
            }
            let page = files.iter().find(|page| Some(&page.path) == leads_to.as_ref() && page.extension() == "md");
            if page.is_some_and(|page| !anchor.is_empty() && !anchors(&page.text).contains(anchor)) {
                let what = format!("the link to `{target}` leads to no heading");
                all.push(file.violation(line, what, "write the heading as its anchor: lower case, hyphens"));
            }
        }
    }
    all
}

/// The targets of relative links outside code, each with its line.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut all = Vec::new();
    for (number, line) in prose(text) {
        // Every second part between backquotes is code.
        let words: String = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
        for (at, _) in words.match_indices("](") {
            let rest = &words[at + 2..];
            let target = rest.split([')', ' ']).next().unwrap_or_default();
            let elsewhere = target.contains("://") || target.starts_with("mailto:");
            if !elsewhere && !target.is_empty() {
                all.push((number, target.to_owned()));
            }
        }
    }
    all
}

/// The lines outside fenced code, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((at + 1, line))
    })
}

/// The anchors of a page's headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|(_, line)| line.starts_with('#'));
    headings
        .map(|(_, line)| {
            let kept = line.trim_start_matches('#').trim().to_lowercase();
            kept.chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

/// Where a link in the file `from` leads, from the root; `None` when that is outside the repository.
fn resolve(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
