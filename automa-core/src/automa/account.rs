//! Users: the first one, those made later, signing in and out.

use std::fmt;
use std::sync::PoisonError;

use jiff::Timestamp;
use rand::TryRngCore as _;
use sha2::{Digest as _, Sha256};

use super::{Acting, Automa};
use crate::access::{Action, Principal};
use crate::audit::{AuditOutcome, NewAuditEvent};
use crate::error::{Error, Invalid, Result};
use crate::id::{Kind, Ref, SessionId, UserId};
use crate::name::{Email, Username};
use crate::password::{self, Password};
use crate::store::{Batch, Entity, Key, Page, PageRequest, Query, Require, Revision, StoreExt as _, Unique};
use crate::user::{LoginSession, Role, User};

/// An account that is to be made.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// What they will sign in with.
    pub username: Username,
    /// Where to write to them.
    pub email: Option<Email>,
    /// What they will prove it with.
    pub password: Password,
}

/// Lets whoever holds it make the first account. Only this process knows it, and it ends with the first account.
#[derive(Clone, PartialEq, Eq)]
pub struct SetupToken(String);

impl SetupToken {
    /// The token that somebody presents.
    pub fn claimed(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// 64 hexadecimal digits: 256 random bits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn random() -> Result<Self> {
        let mut bytes = [0; 32];
        rand::rngs::OsRng.try_fill_bytes(&mut bytes).map_err(Error::store)?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// Compares hashes, so that the time it takes tells nothing about the token.
    fn is(&self, other: &Self) -> bool {
        Sha256::digest(&self.0) == Sha256::digest(&other.0)
    }
}

impl fmt::Debug for SetupToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SetupToken(…)")
    }
}

/// What a sign-in gives.
#[derive(Debug, Clone, PartialEq)]
pub struct SignIn {
    /// Who signed in.
    pub user: User,
    /// The login: [`Automa::principal`] knows it until it ends.
    pub session: LoginSession,
}

impl Automa {
    /// What the first account takes; `None` once there is one. The same until then, in this process.
    ///
    /// # Errors
    ///
    /// What the store says when it fails.
    pub async fn setup_token(&self) -> Result<Option<SetupToken>> {
        if self.has_users().await? {
            return Ok(None);
        }
        let mut setup = self.0.setup.lock().unwrap_or_else(PoisonError::into_inner);
        if setup.is_none() {
            *setup = Some(SetupToken::random()?);
        }
        Ok(setup.clone())
    }

    async fn has_users(&self) -> Result<bool> {
        Ok(!self.0.store.list(&Query::Users, &PageRequest::first(1)).await?.items.is_empty())
    }

    /// Makes an account for somebody who asks for one. The first becomes admin and takes the set-up token; later ones
    /// become viewers, where registration is open.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] for a wrong or missing token, [`Error::Forbidden`] where registration is closed,
    /// [`Error::Exists`] when the name is taken.
    pub async fn register(&self, new: NewUser, token: Option<&SetupToken>) -> Result<User> {
        let first = !self.has_users().await?;
        if first {
            let expected = self.setup_token().await?;
            if !token.zip(expected.as_ref()).is_some_and(|(given, expected)| given.is(expected)) {
                return Err(Error::Unauthenticated("the first account takes the set-up token that the server printed"));
            }
        } else if !self.0.settings.open_registration {
            let target = Ref::new(Kind::User, &new.username);
            let event = NewAuditEvent::done(self.0.clock.now(), &Principal::Anonymous, "account.register", target);
            self.0.auditor.append(event.with_outcome(AuditOutcome::Refused)).await?;
            return Err(Error::Forbidden {
                principal: Principal::Anonymous.to_string(),
                action: "account.register",
                needs: Role::Admin.name(),
            });
        }
        let role = if first { Role::Admin } else { Role::Viewer };
        let mut batch = Batch::new();
        if first {
            batch = batch.require(Require::None(
                Query::Users,
                Ref::system(),
                "somebody else has just made the first account",
            ));
        }
        let user = self.acting_as(Principal::Anonymous).insert_user(batch, new, role, "account.register").await?;
        if first {
            *self.0.setup.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        Ok(user)
    }

    /// Signs a user in. An unknown name takes as long to refuse as a wrong password, and reads the same.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] when name and password do not belong together or the account is not active.
    pub async fn sign_in(&self, username: &str, password: Password) -> Result<SignIn> {
        let found = match username.parse::<Username>() {
            Ok(name) => self.0.store.find(&Unique::Username(name.as_str().to_owned())).await?,
            Err(_) => None,
        };
        let user = match found {
            Some(Entity::User(user)) => Some(user),
            _ => None,
        };
        let matches = password::verify(password, user.as_ref().map(|user| user.password.clone())).await?;
        let now = self.0.clock.now();
        let Some(user) = user.filter(|user| matches && user.active) else {
            let shown: String = username.chars().filter(|c| !c.is_control()).take(64).collect();
            let target = Ref::new(Kind::User, shown);
            let event = NewAuditEvent::done(now, &Principal::Anonymous, "account.sign_in", target);
            self.0.auditor.append(event.with_outcome(AuditOutcome::Refused)).await?;
            return Err(Error::Unauthenticated("name and password do not belong together"));
        };
        let expires_at = now.saturating_add(self.0.settings.session).unwrap_or(Timestamp::MAX);
        let mut session = LoginSession {
            id: SessionId::new(),
            user: user.id,
            created_at: now,
            expires_at,
            revision: Revision::default(),
        };
        let principal = principal_of(&user, session.id);
        let event = NewAuditEvent::done(now, &principal, "account.sign_in", session.id.to_ref());
        let batch = Batch::new().require(Require::Exists(Key::User(user.id))).insert(session.clone());
        self.0.store.commit(self.0.auditor.attach(batch, event)).await?;
        session.revision = session.revision.next();
        Ok(SignIn { user, session })
    }

    /// Who a login belongs to at this moment: role and activity are those of now, not those of the sign-in.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] when the login has ended or expired, or the account is gone or not active.
    pub async fn principal(&self, session: SessionId) -> Result<Principal> {
        let ended = Error::Unauthenticated("the session has ended; sign in again");
        let Some(session) = self.0.store.read::<LoginSession>(session).await? else { return Err(ended) };
        if session.expires_at <= self.0.clock.now() {
            return Err(ended);
        }
        match self.0.store.read::<User>(session.user).await? {
            Some(user) if user.active => Ok(principal_of(&user, session.id)),
            _ => Err(ended),
        }
    }
}

fn principal_of(user: &User, session: SessionId) -> Principal {
    Principal::User { id: user.id, username: user.username.clone(), role: user.role, session: Some(session) }
}

impl Acting {
    /// Ends the login by which this principal came.
    pub async fn sign_out(&self) -> Result<()> {
        self.permit(Action::AccountOwn, Ref::system()).await?;
        let Principal::User { session: Some(session), .. } = &self.principal else { return Ok(()) };
        let event = NewAuditEvent::done(self.inner.clock.now(), &self.principal, "account.sign_out", session.to_ref());
        match self.commit(Batch::new().delete(Key::Session(*session), None), event).await {
            // Ended already, by another request.
            Err(Error::NotFound(_)) => Ok(()),
            done => done,
        }
    }

    /// The account of this principal; [`Error::NotFound`] for one that is not a user.
    pub async fn me(&self) -> Result<User> {
        self.permit(Action::AccountOwn, Ref::system()).await?;
        match self.principal.user_id() {
            Some(id) => self.require(id).await,
            None => Err(Error::NotFound(Ref::new(Kind::User, self.principal.actor().name))),
        }
    }

    /// Makes an account with this role; [`Error::Exists`] when the name is taken. The first account of all must be an
    /// admin's: [`Error::Invalid`] for `role` otherwise.
    pub async fn create_user(&self, new: NewUser, role: Role) -> Result<User> {
        self.permit(Action::UserCreate, Ref::new(Kind::User, &new.username)).await?;
        let first = self.inner.store.list(&Query::Users, &PageRequest::first(1)).await?.items.is_empty();
        if first && role != Role::Admin {
            let text = "the first account must be an admin's, or nobody could manage the others; give admin";
            return Err(Invalid::new("role", text).into());
        }
        self.insert_user(Batch::new(), new, role, Action::UserCreate.name()).await
    }

    /// The account with this id, or [`Error::NotFound`].
    pub async fn user(&self, id: UserId) -> Result<User> {
        self.permit(Action::UserRead, id.to_ref()).await?;
        self.require(id).await
    }

    /// A page of the accounts, by age.
    pub async fn users(&self, page: &PageRequest) -> Result<Page<User>> {
        self.permit(Action::UserRead, Ref::system()).await?;
        self.inner.store.page(&Query::Users, page).await
    }

    async fn insert_user(&self, batch: Batch, new: NewUser, role: Role, action: &str) -> Result<User> {
        let hash = password::hash(new.password).await?;
        let now = self.inner.clock.now();
        let mut user = User {
            id: UserId::new(),
            username: new.username,
            email: new.email,
            password: hash,
            role,
            active: true,
            created_at: now,
            revision: Revision::default(),
        };
        let event = NewAuditEvent::done(now, &self.principal, action, user.id.to_ref())
            .with("username", user.username.as_str())
            .with("role", role.name());
        self.commit(batch.insert(user.clone()), event).await?;
        user.revision = user.revision.next();
        Ok(user)
    }
}
