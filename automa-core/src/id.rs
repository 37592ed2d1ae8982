//! Typed identifiers: a script's id can never be used where an agent's is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{Invalid, one};
use crate::words::words;

/// What an id, a reference or an audit event speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A [`User`](crate::user::User).
    User,
    /// A [`LoginSession`](crate::user::LoginSession).
    Session,
    /// A [`Script`](crate::script::Script).
    Script,
    /// A [`ScriptVersion`](crate::script::ScriptVersion).
    Version,
    /// An [`Agent`](crate::agent::Agent).
    Agent,
    /// A [`Job`](crate::job::Job).
    Job,
    /// An [`Execution`](crate::execution::Execution).
    Execution,
    /// The engine itself: its start, its stop, its store.
    System,
}

words!("kind", Kind {
    User => "user",
    Session => "session",
    Script => "script",
    Version => "version",
    Agent => "agent",
    Job => "job",
    Execution => "execution",
    System => "system",
});

/// One thing, named by kind and id: what an error or an audit event points at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ref {
    /// What it is.
    pub kind: Kind,
    /// Which one: an id, a name, or empty for the system.
    pub id: String,
}

impl Ref {
    /// The thing of `kind` called `id`.
    pub fn new(kind: Kind, id: impl fmt::Display) -> Self {
        Self { kind, id: id.to_string() }
    }

    /// The engine itself.
    #[must_use]
    pub fn system() -> Self {
        Self { kind: Kind::System, id: String::new() }
    }
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.id.is_empty() { write!(f, "{}", self.kind) } else { write!(f, "{} {}", self.kind, self.id) }
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident => $kind:ident),* $(,)?) => {$(
        $(#[$doc])*
        ///
        /// A UUID of version 7: ordered by the time at which it was made, to the millisecond, and within one
        /// process strictly increasing. Written as 36 characters, lower case, with hyphens.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// What this id speaks of.
            pub const KIND: Kind = Kind::$kind;

            /// A new id, never given before.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "two defaults would differ")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id with these 16 bytes, as [`as_bytes`](Self::as_bytes) gave them.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes; their order is the ids' order.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The thing with this id.
            #[must_use]
            pub fn to_ref(self) -> Ref {
                Ref::new(Self::KIND, self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                parse(text, Self::KIND).map(Self)
            }
        }
    )*};
}

/// Reads the one way in which an id is written: hyphenated and of version 7.
fn parse(text: &str, kind: Kind) -> Result<Uuid, Invalid> {
    let shape = "must be a UUID such as 0192f0c1-2b3c-7def-8123-456789abcdef";
    match Uuid::try_parse(text) {
        Ok(uuid) if text.len() == 36 && uuid.get_version_num() == 7 => Ok(uuid),
        _ => Err(Invalid::new("id", format!("the id of {} {shape}", one(kind.name())))),
    }
}

ids! {
    /// Names a user.
    UserId => User,
    /// Names one login of a user, from sign-in to sign-out.
    SessionId => Session,
    /// Names a script.
    ScriptId => Script,
    /// Names an agent.
    AgentId => Agent,
    /// Names a job.
    JobId => Job,
    /// Names an execution.
    ExecutionId => Execution,
}
