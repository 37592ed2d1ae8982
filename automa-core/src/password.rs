//! Passwords: checked for sense, hashed with argon2id, compared in bounded numbers.

use std::fmt;
use std::sync::{Arc, LazyLock};

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use tokio::sync::Semaphore;

use crate::error::{Error, Invalid, Result};

/// A password as somebody typed it. Never shown, never stored.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// The fewest characters: ASVS 5.0, 6.2.1.
    pub const CHARS_MIN: usize = 8;
    /// The most bytes: long enough for any passphrase, short enough to hash.
    pub const BYTES_MAX: usize = 1_024;

    /// A new password.
    ///
    /// # Errors
    ///
    /// [`Invalid`] for `password` when it is too short or too long.
    pub fn new(text: impl Into<String>) -> Result<Self, Invalid> {
        let text = text.into();
        if text.chars().count() < Self::CHARS_MIN {
            return Err(Invalid::new(
                "password",
                format!("is too short; give at least {} characters", Self::CHARS_MIN),
            ));
        }
        if text.len() > Self::BYTES_MAX {
            return Err(Invalid::new("password", format!("is too long; give at most {} bytes", Self::BYTES_MAX)));
        }
        Ok(Self(text))
    }

    /// A password that is only to be compared: no rule, but the bound on its length.
    #[must_use]
    pub fn claimed(text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.len() > Self::BYTES_MAX {
            // No stored password is that long, so none can match.
            text = String::new();
        }
        Self(text)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What a password is checked against: a PHC string of argon2id.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The hash with this PHC string, as [`as_str`](Self::as_str) gave it.
    pub fn from_phc(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The PHC string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// At most this many are hashed at once: each takes 19 MiB and tens of milliseconds of one core.
static SLOTS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(2)));

/// At most this many wait for that, which is about a second's work; more are turned away.
static WAITING: Semaphore = Semaphore::const_new(64);

/// What unknown users are compared with, so that they take as long as known ones.
static NOBODY: LazyLock<PasswordHash> =
    LazyLock::new(|| hash_now("a password that nobody has").unwrap_or_else(|_| PasswordHash(String::new())));

/// argon2id with 19 MiB, 2 passes and 1 lane: the first choice of OWASP's password storage cheat sheet.
fn hasher() -> Result<Argon2<'static>> {
    let params = Params::new(19_456, 2, 1, None).map_err(|error| Error::Store(error.to_string().into()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash_now(password: &str) -> Result<PasswordHash> {
    let hash = hasher()?.hash_password(password.as_bytes()).map_err(|error| Error::Store(error.to_string().into()))?;
    Ok(PasswordHash(hash.to_string()))
}

/// Hashes a new password.
///
/// # Errors
///
/// [`Error::Busy`] when too many are asked for at once; [`Error::Store`] when the machine cannot: no memory, no
/// randomness.
pub async fn hash(password: Password) -> Result<PasswordHash> {
    blocking(move || hash_now(&password.0)).await?
}

/// Whether `password` is the one behind `hash`; `None` stands for an unknown user and takes as long to say no.
///
/// # Errors
///
/// As [`hash`].
pub async fn verify(password: Password, hash: Option<PasswordHash>) -> Result<bool> {
    blocking(move || {
        let known = hash.is_some();
        let against = hash.as_ref().unwrap_or(&NOBODY);
        let Ok(parsed) = Phc::new(&against.0) else { return Ok(false) };
        let matches = hasher()?.verify_password(password.0.as_bytes(), &parsed).is_ok();
        Ok(matches && known)
    })
    .await?
}

/// Runs slow work off the async threads, a bounded number at once.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let _place = WAITING.try_acquire().map_err(|_| Error::Busy("sign-ins"))?;
    let slot = Arc::clone(&SLOTS).acquire_owned().await.map_err(Error::store)?;
    // The slot goes along: work that nobody waits for any more still takes its time.
    let work = move || {
        let done = work();
        drop(slot);
        done
    };
    tokio::task::spawn_blocking(work).await.map_err(Error::store)
}
