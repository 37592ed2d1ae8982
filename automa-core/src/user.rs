//! Users, their roles and their logins.

use jiff::Timestamp;

use crate::id::{SessionId, UserId};
use crate::name::{Email, Username};
use crate::password::PasswordHash;
use crate::store::Revision;
use crate::words::words;

/// What a user may do; each role may do all that the ones before it may. [`access`](crate::access) says what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Looks at everything but users and audit, changes nothing.
    Viewer,
    /// Also starts, stops, runs and cancels what others have set up.
    Operator,
    /// Also writes scripts, agents and jobs.
    Developer,
    /// Also manages users and reads the audit log.
    Admin,
}

words!("role", Role { Viewer => "viewer", Operator => "operator", Developer => "developer", Admin => "admin" });

/// A person, or a program with an account.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Which user.
    pub id: UserId,
    /// What they sign in with; unique.
    pub username: Username,
    /// Where to write to them.
    pub email: Option<Email>,
    /// What their password is checked against.
    pub password: PasswordHash,
    /// What they may do.
    pub role: Role,
    /// Whether they may sign in at all.
    pub active: bool,
    /// When the account was made.
    pub created_at: Timestamp,
    /// Which state of the record this is.
    pub revision: Revision,
}

/// One login of a user, from sign-in until it is ended or expires.
#[derive(Debug, Clone, PartialEq)]
pub struct LoginSession {
    /// Which login.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// When they signed in.
    pub created_at: Timestamp,
    /// From when on it counts no more.
    pub expires_at: Timestamp,
    /// Which state of the record this is.
    pub revision: Revision,
}
