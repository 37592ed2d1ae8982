//! Passwords: checked for sense, hashed with argon2id, compared in bounded numbers.

use std::fmt;
use std::sync::{Arc, LazyLock};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use rand::TryRngCore as _;
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

/// What argon2 works in. Freed at once after each use: a request beyond 32 MiB always is a mapping of its own to glibc's
/// allocator, while one of argon2's 19 MiB stays in the heap of whichever thread asked, for good. Only what is used
/// takes memory.
fn working_memory(params: &Params) -> Vec<Block> {
    let mapped = 33 * 1024 * 1024 / size_of::<Block>();
    let mut memory = Vec::with_capacity(mapped.max(params.block_count()));
    memory.resize(params.block_count(), Block::default());
    memory
}

/// The hash of a password with these parameters and this salt.
fn compute(argon2: &Argon2<'_>, password: &str, salt: &[u8]) -> Result<Output> {
    let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
    let mut memory = working_memory(argon2.params());
    let done = argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut out, &mut memory);
    done.map_err(|error| Error::Store(error.to_string().into()))?;
    Output::new(&out).map_err(|error| Error::Store(error.to_string().into()))
}

fn hash_now(password: &str) -> Result<PasswordHash> {
    let broken = |error: &dyn fmt::Display| Error::Store(error.to_string().into());
    let mut salt = [0; 16];
    rand::rngs::OsRng.try_fill_bytes(&mut salt).map_err(Error::store)?;
    let argon2 = hasher()?;
    let hash = Phc {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params()).map_err(|error| broken(&error))?,
        salt: Some(Salt::new(&salt).map_err(|error| broken(&error))?),
        hash: Some(compute(&argon2, password, &salt)?),
    };
    Ok(PasswordHash(hash.to_string()))
}

/// Whether a password is the one behind a PHC string of argon2id.
fn matches(password: &str, against: &str) -> Result<bool> {
    let Ok(parsed) = Phc::new(against) else { return Ok(false) };
    let (Some(salt), Some(hash), Ok(params)) = (&parsed.salt, &parsed.hash, Params::try_from(&parsed)) else {
        return Ok(false);
    };
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    // Outputs are compared in constant time.
    Ok(compute(&argon2, password, salt.as_ref())? == *hash)
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
        Ok(matches(&password.0, &against.0)? && known)
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
