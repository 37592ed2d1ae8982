//! Accounts and signing in.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use automa_core::automa::{NewUser, SetupToken};
use automa_core::error::Invalid;
use automa_core::password::Password;
use automa_core::user::User;

use super::Faults;
use crate::extract::Input;

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserOut {
    /// Which account.
    #[schema(format = Uuid)]
    id: String,
    /// What they sign in with.
    #[schema(example = "ada")]
    username: String,
    /// Where to write to them.
    email: Option<String>,
    /// `viewer`, `operator`, `developer` or `admin`: each may do all that the ones before it may.
    #[schema(example = "admin")]
    role: &'static str,
    /// Whether they may sign in.
    active: bool,
    /// When the account was made.
    created_at: Timestamp,
}

impl From<User> for UserOut {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            username: user.username.to_string(),
            email: user.email.map(|email| email.to_string()),
            role: user.role.name(),
            active: user.active,
            created_at: user.created_at,
        }
    }
}

/// An account that somebody asks for.
#[derive(Deserialize, ToSchema)]
#[schema(as = Registration)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisterIn {
    /// 1 to 64 of `a-z 0-9 . _ - @ +`.
    #[schema(example = "ada")]
    username: String,
    /// At least 8 characters.
    #[schema(format = Password, example = "correct horse battery staple")]
    password: String,
    /// Where to write to them.
    email: Option<String>,
    /// From the link that the server printed; the first account takes it, later ones do not.
    setup_token: Option<String>,
}

impl Input for RegisterIn {}

impl RegisterIn {
    /// What the engine is asked for.
    pub(crate) fn read(self) -> Result<(NewUser, Option<SetupToken>), Invalid> {
        let mut faults = Faults::default();
        let username = faults.parse("username", &self.username);
        let email = self.email.map(|email| faults.parse("email", &email));
        let password = faults.named("password", Password::new(self.password));
        let (Some(username), Some(email), Some(password)) =
            (username, email.map_or(Some(None), |it| it.map(Some)), password)
        else {
            return Err(faults.into_invalid());
        };
        Ok((NewUser { username, email, password }, self.setup_token.map(SetupToken::claimed)))
    }
}

/// Name and password.
#[derive(Deserialize, ToSchema)]
#[schema(as = Login)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginIn {
    /// The account's name.
    #[schema(example = "ada")]
    pub(crate) username: String,
    /// Its password.
    #[schema(format = Password, example = "correct horse battery staple")]
    pub(crate) password: String,
}

impl Input for LoginIn {}

impl Input for LoginForm {}

/// The same as a form of OAuth 2's password grant. What that form may hold besides is not looked at.
#[derive(Deserialize, ToSchema)]
#[schema(as = LoginForm)]
pub(crate) struct LoginForm {
    /// `password`, where it is given.
    pub(crate) grant_type: Option<String>,
    /// The account's name.
    #[schema(example = "ada")]
    pub(crate) username: String,
    /// Its password.
    #[schema(format = Password)]
    pub(crate) password: String,
}

/// What a sign-in gives.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessToken)]
pub(crate) struct TokenOut {
    /// Send it with every request: `Authorization: Bearer <access_token>`.
    pub(crate) access_token: String,
    /// Always `bearer`.
    #[schema(example = "bearer")]
    pub(crate) token_type: &'static str,
    /// For how many seconds it counts.
    #[schema(example = 1800)]
    pub(crate) expires_in: i64,
    /// From when on it counts no more.
    pub(crate) expires_at: Timestamp,
    /// Who signed in.
    pub(crate) user: UserOut,
}
