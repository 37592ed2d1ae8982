//! The one error of this crate: what went wrong, as decisions a caller can take.

use std::fmt;
use std::path::PathBuf;

use crate::id::Ref;

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One thing that is wrong with what was given, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field at fault, as a caller spells it: `schedule.cron`, `limits.memory`.
    pub field: String,
    /// What is wrong with it and what would be right, as one lower-case sentence without a full stop.
    pub message: String,
}

impl Problem {
    /// A problem of `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// Input that was refused whole: every problem that was found in it, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(Vec<Problem>);

impl Invalid {
    /// Input refused for one reason.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self(vec![Problem::new(field, message)])
    }

    /// `Ok` when there is no problem, else all of them.
    pub fn unless_empty(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }

    /// Every problem, in the order in which it was found.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }

    /// The same problems, each field behind `parent.`: for a value that stands inside another.
    #[must_use]
    pub fn within(mut self, parent: &str) -> Self {
        for problem in &mut self.0 {
            problem.field =
                if problem.field.is_empty() { parent.to_owned() } else { format!("{parent}.{}", problem.field) };
        }
        self
    }

    /// Adds the problems of `other` behind these.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// These problems, as a list to go on collecting into.
    #[must_use]
    pub fn into_problems(self) -> Vec<Problem> {
        self.0
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("; ")?;
            }
            if problem.field.is_empty() {
                f.write_str(&problem.message)?;
            } else {
                write!(f, "{}: {}", problem.field, problem.message)?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Invalid {}

/// Why a data folder cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FolderProblem {
    /// Another process has it open. The process id, when it could be read.
    InUse(Option<u32>),
    /// It was written by a newer version of Automa: the format found, and the newest this program reads.
    Newer {
        /// The format that the folder says it has.
        found: u32,
        /// The newest format that this program reads.
        known: u32,
    },
    /// It holds files, but not Automa's.
    Foreign,
    /// The machine does not let it be used: a file is in the way, a right is missing. What exactly.
    Unusable(String),
}

impl fmt::Display for FolderProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(Some(pid)) => {
                write!(f, "it is in use by process {pid}; stop that process, or use another folder")
            }
            Self::InUse(None) => {
                f.write_str("it is in use by another process; stop that process, or use another folder")
            }
            Self::Newer { found, known } => {
                write!(f, "it has format {found} and this program reads up to {known}; use a newer version of Automa")
            }
            Self::Foreign => f.write_str("it holds files that are not Automa's; use an empty or a new folder"),
            Self::Unusable(what) => f.write_str(what),
        }
    }
}

/// What can go wrong. Each variant is a decision that a caller can take; [`code`](Self::code) names it for programs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was given is not acceptable. Nothing was changed.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// There is no such thing, or the principal may not know that there is.
    #[error("{0} does not exist")]
    NotFound(Ref),
    /// Another thing of the same kind has that value already.
    #[error("{} with {field} {value:?} exists already; choose another {field}", one(kind))]
    Exists {
        /// The kind of thing: `script`, `user`.
        kind: &'static str,
        /// The field that must be unique.
        field: &'static str,
        /// The value that is taken.
        value: String,
    },
    /// The thing has changed since it was read. Read it again and decide again.
    #[error("{0} has changed since it was read; read it again and repeat the change")]
    Stale(Ref),
    /// The thing cannot be removed or changed while something else needs it.
    #[error("{what} is in use: {by}")]
    InUse {
        /// The thing.
        what: Ref,
        /// What needs it, and what to do first.
        by: String,
    },
    /// What was asked makes no sense in the present state, such as cancelling what has ended.
    #[error("{0}")]
    State(String),
    /// Name and password do not belong together, or the session has ended.
    #[error("not signed in: {0}")]
    Unauthenticated(&'static str),
    /// The principal may not do this.
    #[error("{principal} may not {action}; it takes the role {needs} or higher")]
    Forbidden {
        /// Who asked.
        principal: String,
        /// What was asked, as `script.create`.
        action: &'static str,
        /// The least role that may.
        needs: &'static str,
    },
    /// A worker reported on an execution that is not its own any more. Its result was dropped.
    #[error("the lease on {0} was lost: another worker or a cancellation took it over")]
    LeaseLost(Ref),
    /// No sandbox here can run what was asked.
    #[error("no sandbox can run this: {0}")]
    Sandbox(String),
    /// The disk is full. Nothing was changed by the call that failed.
    #[error("the disk that holds the data folder is full; free some space and repeat")]
    DiskFull(#[source] std::io::Error),
    /// The data folder cannot be used.
    #[error("cannot open the data folder {}: {problem}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        problem: FolderProblem,
    },
    /// Stored data cannot be read back. What exactly is damaged.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    /// The store cannot answer now; the same call may succeed later if [`retryable`](Self::retryable) says so.
    #[error("the store failed: {0}")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Too much of this is asked for at once. The same call may succeed a little later.
    #[error("too many {0} at once; try again a little later")]
    Busy(&'static str),
    /// The engine is shutting down and takes nothing new.
    #[error("Automa is shutting down")]
    ShuttingDown,
}

impl Error {
    /// The stable name of this decision, the same over HTTP, in the command line and in Python.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::NotFound(_) => "not_found",
            Self::Exists { .. } => "already_exists",
            Self::Stale(_) => "stale",
            Self::InUse { .. } => "in_use",
            Self::State(_) => "wrong_state",
            Self::Unauthenticated(_) => "unauthenticated",
            Self::Forbidden { .. } => "forbidden",
            Self::LeaseLost(_) => "lease_lost",
            Self::Sandbox(_) => "no_sandbox",
            Self::DiskFull(_) => "disk_full",
            Self::Folder { problem: FolderProblem::InUse(_), .. } => "folder_in_use",
            Self::Folder { problem: FolderProblem::Newer { .. }, .. } => "folder_newer",
            Self::Folder { problem: FolderProblem::Foreign, .. } => "folder_foreign",
            Self::Folder { problem: FolderProblem::Unusable(_), .. } => "folder_unusable",
            Self::Damaged(_) => "damaged",
            Self::Store(_) => "store_failed",
            Self::Busy(_) => "busy",
            Self::ShuttingDown => "shutting_down",
        }
    }

    /// Whether the same call, repeated a little later and unchanged, may succeed.
    #[must_use]
    pub fn retryable(&self) -> bool {
        matches!(self, Self::DiskFull(_) | Self::Store(_) | Self::Busy(_) | Self::ShuttingDown)
    }

    /// A failure of the store whose cause is `source`; a full disk is told apart.
    pub fn store(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let source = source.into();
        match source.downcast::<std::io::Error>() {
            Ok(io) if is_full(&io) => Self::DiskFull(*io),
            Ok(io) => Self::Store(io),
            Err(other) => Self::Store(other),
        }
    }
}

/// `a script`, `an agent`.
pub(crate) fn one(kind: &str) -> String {
    format!("{} {kind}", if kind.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" })
}

/// Whether an input/output error says that there is no room left.
fn is_full(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded | std::io::ErrorKind::FileTooLarge
    )
}
