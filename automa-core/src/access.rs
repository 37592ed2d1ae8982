//! Who may do what: the one place that says yes or no.

use std::fmt;

use crate::audit::Actor;
use crate::error::{Error, Result};
use crate::id::{SessionId, UserId};
use crate::name::Username;
use crate::user::Role;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Principal {
    /// A signed-in user, with the role that the user has at this moment.
    User {
        /// Which user.
        id: UserId,
        /// Their name, for the audit log.
        username: Username,
        /// What they may do.
        role: Role,
        /// The login they came by.
        session: Option<SessionId>,
    },
    /// The program that holds the data folder: it may do everything. Its name is for the audit log.
    Owner(String),
    /// The engine itself: scheduler, workers, recovery.
    System,
    /// Somebody who has not signed in.
    Anonymous,
}

impl Principal {
    /// The program that embeds Automa, under the name by which the audit log shall know it.
    pub fn owner(name: impl Into<String>) -> Self {
        Self::Owner(name.into())
    }

    /// The role whose permissions it has; `None` for nobody's.
    #[must_use]
    pub const fn role(&self) -> Option<Role> {
        match self {
            Self::User { role, .. } => Some(*role),
            Self::Owner(_) | Self::System => Some(Role::Admin),
            Self::Anonymous => None,
        }
    }

    /// The user, when it is one.
    #[must_use]
    pub const fn user_id(&self) -> Option<UserId> {
        match self {
            Self::User { id, .. } => Some(*id),
            _ => None,
        }
    }

    /// How the audit log names it.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let (kind, id, name) = match self {
            Self::User { id, username, .. } => ("user", id.to_string(), username.to_string()),
            Self::Owner(name) => ("owner", String::new(), name.clone()),
            Self::System => ("system", String::new(), "automa".to_owned()),
            Self::Anonymous => ("anonymous", String::new(), String::new()),
        };
        Actor { kind: kind.to_owned(), id, name }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { username, role, .. } => write!(f, "user {username} ({role})"),
            Self::Owner(name) => write!(f, "owner {name}"),
            Self::System => f.write_str("the engine"),
            Self::Anonymous => f.write_str("somebody who is not signed in"),
        }
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $role:ident;)+) => {
        /// Everything that can be asked for, each with the least role that may.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Action {
            $($(#[$doc])* $variant,)+
        }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in the audit log and in errors.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The least role that may.
            #[must_use]
            pub const fn least_role(self) -> Role {
                match self { $(Self::$variant => Role::$role),+ }
            }
        }
    };
}

actions! {
    /// Look at one's own account and end one's own session.
    AccountOwn = "account.own", Viewer;
    /// Look at scripts and their versions.
    ScriptRead = "script.read", Viewer;
    /// Make a script.
    ScriptCreate = "script.create", Developer;
    /// Change a script, upload a version.
    ScriptUpdate = "script.update", Developer;
    /// Remove a script.
    ScriptDelete = "script.delete", Developer;
    /// Look at agents.
    AgentRead = "agent.read", Viewer;
    /// Make an agent.
    AgentCreate = "agent.create", Developer;
    /// Change an agent.
    AgentUpdate = "agent.update", Developer;
    /// Remove an agent.
    AgentDelete = "agent.delete", Developer;
    /// Start an agent.
    AgentStart = "agent.start", Operator;
    /// Stop an agent.
    AgentStop = "agent.stop", Operator;
    /// Run an agent once.
    AgentRun = "agent.run", Operator;
    /// Look at jobs and preview schedules.
    JobRead = "job.read", Viewer;
    /// Make a job.
    JobCreate = "job.create", Developer;
    /// Change a job.
    JobUpdate = "job.update", Developer;
    /// Remove a job.
    JobDelete = "job.delete", Developer;
    /// Run a job once, now.
    JobRun = "job.run", Operator;
    /// Look at executions and their output.
    ExecutionRead = "execution.read", Viewer;
    /// Stop an execution.
    ExecutionCancel = "execution.cancel", Operator;
    /// Look at users.
    UserRead = "user.read", Admin;
    /// Make a user.
    UserCreate = "user.create", Admin;
    /// Read and verify the audit log.
    AuditRead = "audit.read", Admin;
}

/// Says whether `principal` may do `action`.
///
/// # Errors
///
/// [`Error::Unauthenticated`] for somebody who is not signed in, [`Error::Forbidden`] for too low a role.
pub fn check(principal: &Principal, action: Action) -> Result<()> {
    match principal.role() {
        None => Err(Error::Unauthenticated("sign in first")),
        Some(role) if role >= action.least_role() => Ok(()),
        Some(_) => Err(Error::Forbidden {
            principal: principal.to_string(),
            action: action.name(),
            needs: action.least_role().name(),
        }),
    }
}
