//! Access tokens: what a signed-in caller shows with each request, and the key that they are signed with.
//!
//! A token is a JWT with `typ` `at+jwt`, signed with HMAC-SHA-256. It names a login session; the engine is asked about
//! that session at every request, so that a sign-out or a changed role counts at once, whatever the token says.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rand::TryRngCore as _;
use serde::{Deserialize, Serialize};

use automa_core::id::SessionId;
use automa_core::user::LoginSession;

/// Who makes the tokens.
const ISSUER: &str = "automa";
/// Whom they are for.
const AUDIENCE: &str = "automa-api";
/// What kind of JWT they are: RFC 9068.
const TYPE: &str = "at+jwt";
/// No token of ours is longer, in bytes.
const LENGTH_MAX: usize = 2_048;
/// The length of a key that we make, in bytes.
const KEY_BYTES: usize = 32;

/// Why there is no signing key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The secret that was given is too short to be one.
    #[error("secret_key: has {0} bytes; give at least {KEY_BYTES}, such as the output of `openssl rand -hex 32`")]
    Short(usize),
    /// The key file cannot be read or made.
    #[error("the signing key {} cannot be {what}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried: `read`, `made`.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The key file holds something else.
    #[error("the signing key {} is damaged; remove it to get a new one, which signs everybody out", .0.display())]
    Damaged(PathBuf),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers for a signing key")]
    Random,
}

/// Makes access tokens and reads them back.
pub struct Tokens {
    signing: EncodingKey,
    checking: DecodingKey,
    validation: Validation,
    lifetime: Duration,
}

/// What a token says. Every claim has exactly this type, or the token is refused.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    iat: u64,
    nbf: u64,
    exp: u64,
}

/// A token that was made, and from when on it counts no more.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) token: String,
    pub(crate) expires_at: Timestamp,
}

impl Tokens {
    /// How long a token counts unless told otherwise: 30 minutes.
    pub const LIFETIME: Duration = Duration::from_secs(30 * 60);

    /// Signs with this secret, at least 32 bytes that nobody can guess.
    ///
    /// # Errors
    ///
    /// [`KeyError::Short`].
    pub fn from_secret(secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < KEY_BYTES {
            return Err(KeyError::Short(secret.len()));
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 5;
        validation.validate_nbf = true;
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        let (signing, checking) = (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret));
        Ok(Self { signing, checking, validation, lifetime: Self::LIFETIME })
    }

    /// Signs with random bytes that nobody keeps: every token ends with this process.
    ///
    /// # Errors
    ///
    /// [`KeyError::Random`].
    pub fn random() -> Result<Self, KeyError> {
        Self::from_secret(&random()?)
    }

    /// Signs with the key in `jwt.key` in this folder, which is made, readable by nobody else, if it is not there. One
    /// that others could read is made private, and the log warns of it.
    ///
    /// # Errors
    ///
    /// [`KeyError::File`], [`KeyError::Damaged`] or [`KeyError::Random`].
    pub fn in_folder(folder: &Path) -> Result<Self, KeyError> {
        let path = folder.join("jwt.key");
        #[cfg(unix)]
        make_private(&path);
        let key = match fs::read_to_string(&path) {
            Ok(text) => from_hex(text.trim()).ok_or_else(|| KeyError::Damaged(path.clone()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = random()?;
                write(folder, &path, &key).map_err(|source| KeyError::File { path, what: "made", source })?;
                key
            }
            Err(source) => return Err(KeyError::File { path, what: "read", source }),
        };
        Self::from_secret(&key)
    }

    /// The same with tokens that count that long, but never longer than the login session does.
    #[must_use]
    pub fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// A token for this session.
    pub(crate) fn issue(&self, session: &LoginSession, now: Timestamp) -> jsonwebtoken::errors::Result<Issued> {
        let wanted = now.saturating_add(self.lifetime).unwrap_or(Timestamp::MAX);
        let expires_at = wanted.min(session.expires_at);
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: session.user.to_string(),
            sid: session.id.to_string(),
            iat: seconds(now),
            nbf: seconds(now),
            exp: seconds(expires_at),
        };
        let header = Header { typ: Some(TYPE.to_owned()), ..Header::new(Algorithm::HS256) };
        Ok(Issued { token: jsonwebtoken::encode(&header, &claims, &self.signing)?, expires_at })
    }

    /// The session that a token names; `None` for a token that is not ours or has expired.
    pub(crate) fn session(&self, token: &str) -> Option<SessionId> {
        if token.len() > LENGTH_MAX {
            return None;
        }
        let read = jsonwebtoken::decode::<Claims>(token, &self.checking, &self.validation).ok()?;
        if read.header.typ.as_deref() != Some(TYPE) {
            return None;
        }
        read.claims.sid.parse().ok()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_second()).unwrap_or(0)
}

fn random() -> Result<[u8; KEY_BYTES], KeyError> {
    let mut key = [0; KEY_BYTES];
    rand::rngs::OsRng.try_fill_bytes(&mut key).map_err(|_| KeyError::Random)?;
    Ok(key)
}

fn from_hex(text: &str) -> Option<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    if text.len() != 2 * KEY_BYTES || !text.is_ascii() {
        return None;
    }
    for (at, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(key)
}

/// Takes the key away from everybody but its owner. Whoever has read it before can still sign with it, so the log says
/// that too.
#[cfg(unix)]
fn make_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    // A file that is not there, or cannot be looked at, is for whoever opens it to complain about.
    let Ok(mode) = fs::metadata(path).map(|found| found.permissions().mode() & 0o777) else { return };
    if mode & 0o077 == 0 {
        return;
    }
    let key = path.display();
    match fs::set_permissions(path, fs::Permissions::from_mode(0o600)) {
        Ok(()) => tracing::warn!(
            "the signing key {key} was open to other users of this machine (mode {mode:03o}) and is now 600; if one of \
             them may have read it, remove it to get a new one, which signs everybody out"
        ),
        Err(error) => tracing::warn!(
            "the signing key {key} is open to other users of this machine (mode {mode:03o}): {error}; `chmod 600 {key}`"
        ),
    }
}

/// Writes a key so that it is there whole or not at all, even if the power goes.
fn write(folder: &Path, path: &Path, key: &[u8]) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let draft = folder.join("jwt.key.new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
