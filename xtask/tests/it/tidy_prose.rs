//! Rules for documents, on a few lines each.

use xtask::tidy::File;
use xtask::tidy::prose::check;

use crate::said;

fn check_files(files: &[(&str, &str)]) -> Vec<String> {
    said(&check(&files.iter().map(|(path, text)| File::new(*path, *text)).collect::<Vec<_>>()))
}

#[test]
fn the_readme_opens_with_both_commands() {
    let far = format!("# Automa\n\n    cargo xtask run\n{}    cargo xtask test\n", "\n".repeat(60));
    assert_eq!(check_files(&[("README.md", &far)]), ["1: `cargo xtask test` is not in the first 60 lines"]);
    assert!(check_files(&[("README.md", "# Automa\n\n    cargo xtask run\n    cargo xtask test\n")]).is_empty());
}

#[test]
fn the_readmes_code_is_a_doctest() {
    let readme = ("README.md", "# Automa\n\n    cargo xtask run\n    cargo xtask test\n\n```rust\nf();\n```\n");
    assert_eq!(check_files(&[readme]), ["6: no doctest runs the README's code"]);
    let crate_root = ("examples/src/lib.rs", "#[doc = include_str!(\"../../README.md\")]\nstruct Readme;\n");
    assert!(check_files(&[readme, crate_root]).is_empty());
}

#[test]
fn the_map_stays_under_two_hundred_lines() {
    assert!(check_files(&[("ARCHITECTURE.md", &"x\n".repeat(199))]).is_empty());
    assert_eq!(check_files(&[("ARCHITECTURE.md", &"x\n".repeat(200))]).len(), 1);
}

#[test]
fn the_changelog_has_a_section_for_what_is_not_released() {
    for heading in ["## Unreleased", "## [Unreleased]"] {
        assert!(check_files(&[("CHANGELOG.md", &format!("# Changes\n\n{heading}\n"))]).is_empty());
    }
    assert_eq!(check_files(&[("CHANGELOG.md", "# Changes\n\nUnreleased\n")]).len(), 1);
}

#[test]
fn every_page_is_in_the_book() {
    let files = [
        ("docs/src/SUMMARY.md", "# Summary\n\n- [A](a.md)\n- [B](deep/b.md)\n"),
        ("docs/src/a.md", "# A\n"),
        ("docs/src/deep/b.md", "# B\n"),
    ];
    assert!(check_files(&files).is_empty());
    let mut with_another = files.to_vec();
    with_another.push(("docs/src/c.md", "# C\n"));
    assert_eq!(check_files(&with_another), ["1: the page is not in the book"]);
}

#[test]
fn decisions_are_numbered_without_gaps_or_doubles() {
    let decisions = |names: &[&str]| {
        let paths: Vec<_> = names.iter().map(|name| format!("docs/decisions/{name}")).collect();
        check_files(&paths.iter().map(|path| (path.as_str(), "# A decision\n")).collect::<Vec<_>>())
    };
    assert!(decisions(&["0001-a.md", "0002-b.md"]).is_empty());
    assert_eq!(decisions(&["0001-a.md", "0003-b.md"]), ["1: decision 0003 stands where 0002 should"]);
    assert_eq!(decisions(&["0001-a.md", "0001-b.md"]), ["1: decision 0001 stands where 0002 should"]);
    assert_eq!(decisions(&["a.md"]), ["1: the decision has no number"]);
}

#[test]
fn a_relative_link_leads_to_a_file_a_folder_or_a_heading() {
    let page = "# Some page\n\n[a](docs/x.md) [b](docs) [c](#some-page) [d](docs/x.md#on-limits-and-quotas) \
                [e](https://example.org/x)\n";
    let other = "# X\n\n## On `limits`, and quotas\n\n[back](../a.md)\n";
    assert!(check_files(&[("a.md", page), ("docs/x.md", other)]).is_empty());
}

#[test]
fn a_link_that_leads_nowhere_is_found_with_its_line() {
    let dead = [("a.md", "# A\n\n[x](gone.md)\n[y](#gone)\n[z](../outside.md)\n")];
    assert_eq!(
        check_files(&dead),
        [
            "3: the link to `gone.md` leads nowhere",
            "4: the link to `#gone` leads to no heading",
            "5: the link to `../outside.md` leads nowhere"
        ]
    );
}

#[test]
fn what_looks_like_a_link_in_code_is_none() {
    assert!(check_files(&[("a.md", "# A\n\n```rust\n[x](gone.md)\n```\n\n`[y](gone.md)`\n")]).is_empty());
}
