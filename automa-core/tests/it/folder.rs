//! A data folder belongs to one process at a time, and only Automa's folders are touched.

use std::fs;
use std::path::Path;
use std::process::Command;

use automa_core::error::{Error, FolderProblem};
use automa_core::store::folder::DataFolder;
use rstest::rstest;
use tempfile::TempDir;

fn problem(path: &Path) -> FolderProblem {
    match DataFolder::open(path) {
        Err(Error::Folder { problem, .. }) => problem,
        other => panic!("{} opened, or failed for another reason: {other:?}", path.display()),
    }
}

#[test]
fn a_folder_is_made_for_its_owner_only() {
    let parent = TempDir::new().unwrap();
    let path = parent.path().join("some/where/data");
    let folder = DataFolder::open(&path).unwrap();
    let format = fs::read_to_string(path.join("format")).unwrap();
    assert_eq!(format, "automa data folder\nformat 1\n");
    for made in [path.clone(), folder.keys().unwrap(), folder.store().unwrap()] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&made).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", made.display());
    }
    drop(folder);
    DataFolder::open(&path).unwrap();
}

#[test]
fn a_folder_in_use_says_by_which_process() {
    let parent = TempDir::new().unwrap();
    let path = parent.path().join("data");
    let folder = DataFolder::open(&path).unwrap();
    assert_eq!(problem(&path), FolderProblem::InUse(Some(std::process::id())));
    // The same lock keeps other processes away: `flock` is one.
    let taken = |path: &Path| {
        let status = Command::new("flock").args(["--nonblock"]).arg(path.join("lock")).arg("true").status();
        status.expect("the test needs flock, of util-linux").success()
    };
    assert!(!taken(&path));
    drop(folder);
    assert!(taken(&path));
    DataFolder::open(&path).unwrap();
}

#[test]
fn a_folder_of_another_process_is_in_use() {
    let parent = TempDir::new().unwrap();
    let path = parent.path().join("data");
    drop(DataFolder::open(&path).unwrap());
    // The other process is over when its standard input is.
    let mut holder = Command::new("flock")
        .arg(path.join("lock"))
        .args(["sh", "-c", "echo held; read line"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the test needs flock, of util-linux");
    let mut said = [0; 5];
    std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut said).unwrap();
    assert!(matches!(problem(&path), FolderProblem::InUse(_)));
    drop(holder.stdin.take());
    holder.wait().unwrap();
    DataFolder::open(&path).unwrap();
}

#[test]
fn a_folder_of_a_newer_version_is_left_alone() {
    let parent = TempDir::new().unwrap();
    fs::write(parent.path().join("format"), "automa data folder\nformat 2\n").unwrap();
    assert_eq!(problem(parent.path()), FolderProblem::Newer { found: 2, known: 1 });
    assert_eq!(fs::read_to_string(parent.path().join("format")).unwrap(), "automa data folder\nformat 2\n");
    assert!(!parent.path().join("store").exists());
}

#[rstest]
#[case::some_file("notes.txt", "hello")]
#[case::hidden_file(".git", "gitdir: elsewhere")]
#[case::format_of_another("format", "PNG")]
#[case::format_without_a_number("format", "automa data folder\n")]
#[case::format_of_zero("format", "automa data folder\nformat 0\n")]
#[case::binary_format("format", "\u{fffd}\0\u{1}")]
fn a_folder_of_somebody_else_is_left_alone(#[case] name: &str, #[case] content: &str) {
    let parent = TempDir::new().unwrap();
    fs::write(parent.path().join(name), content).unwrap();
    assert_eq!(problem(parent.path()), FolderProblem::Foreign);
    assert_eq!(fs::read_to_string(parent.path().join(name)).unwrap(), content);
    assert!(!parent.path().join("store").exists());
}

#[test]
fn somebody_elses_lock_file_is_not_written_to() {
    let parent = TempDir::new().unwrap();
    fs::write(parent.path().join("lock"), "theirs").unwrap();
    fs::write(parent.path().join("data"), "theirs").unwrap();
    assert_eq!(problem(parent.path()), FolderProblem::Foreign);
    assert_eq!(fs::read_to_string(parent.path().join("lock")).unwrap(), "theirs");
}

#[test]
fn an_opening_that_was_interrupted_can_be_repeated() {
    for left in [&["lock"][..], &["lock", "format.new"]] {
        let parent = TempDir::new().unwrap();
        for name in left {
            fs::write(parent.path().join(name), "").unwrap();
        }
        DataFolder::open(parent.path()).unwrap();
    }
}

#[test]
fn a_path_that_cannot_be_a_folder_says_why() {
    let parent = TempDir::new().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        let failure = DataFolder::open(&path).unwrap_err();
        let words = format!("{failure}");
        assert!(words.contains("is a file; give a folder"), "{words}");
        assert_eq!(failure.code(), "folder_unusable");
    }
}
