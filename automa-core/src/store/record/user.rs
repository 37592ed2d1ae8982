//! Users and logins, as stored.

use serde::{Deserialize, Serialize};

use super::field::{Id, Instant, parse};
use crate::error::Result;
use crate::id::{SessionId, UserId};
use crate::password::PasswordHash;
use crate::store::Revision;
use crate::user::{LoginSession, User};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct UserV1<'a> {
    id: Id,
    username: &'a str,
    email: Option<&'a str>,
    password: &'a str,
    role: &'a str,
    active: bool,
    created_at: Instant,
    revision: u64,
}

impl<'a> From<&'a User> for UserV1<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: *user.id.as_bytes(),
            username: user.username.as_str(),
            email: user.email.as_ref().map(|email| email.as_str()),
            password: user.password.as_str(),
            role: user.role.name(),
            active: user.active,
            created_at: user.created_at.into(),
            revision: user.revision.0,
        }
    }
}

impl UserV1<'_> {
    pub(super) fn open(self) -> Result<User> {
        Ok(User {
            id: UserId::from_bytes(self.id),
            username: parse("a user's name", self.username)?,
            email: self.email.map(|email| parse("a user's e-mail address", email)).transpose()?,
            password: PasswordHash::from_phc(self.password),
            role: parse("a user's role", self.role)?,
            active: self.active,
            created_at: self.created_at.open()?,
            revision: Revision(self.revision),
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SessionV1 {
    id: Id,
    user: Id,
    created_at: Instant,
    expires_at: Instant,
    revision: u64,
}

impl From<&LoginSession> for SessionV1 {
    fn from(session: &LoginSession) -> Self {
        Self {
            id: *session.id.as_bytes(),
            user: *session.user.as_bytes(),
            created_at: session.created_at.into(),
            expires_at: session.expires_at.into(),
            revision: session.revision.0,
        }
    }
}

impl SessionV1 {
    pub(super) fn open(self) -> Result<LoginSession> {
        Ok(LoginSession {
            id: SessionId::from_bytes(self.id),
            user: UserId::from_bytes(self.user),
            created_at: self.created_at.open()?,
            expires_at: self.expires_at.open()?,
            revision: Revision(self.revision),
        })
    }
}
