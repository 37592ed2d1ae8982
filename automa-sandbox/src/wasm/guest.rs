//! The Python guest: a WebAssembly component, compressed, inside this program or given at run time.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// The guest that this program was built with, as `cargo xtask guest` left it; empty when there was none.
static EMBEDDED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/automa-guest.wasm.zst"));
/// Its SHA-256, in hexadecimal digits, so that starting does not have to read all of it.
static EMBEDDED_HASH: &str = env!("AUTOMA_GUEST_SHA256");

/// More than this a guest never has: what is given at run time is not trusted to be of any size.
const SIZE_MAX: usize = 256 * 1024 * 1024;

/// Why there is no guest.
#[derive(Debug, thiserror::Error)]
pub(super) enum GuestError {
    #[error("built without the Python guest: run `cargo xtask guest`, then build again")]
    Missing,
    #[error("failed to unpack the Python guest: {0}")]
    Damaged(#[source] std::io::Error),
}

/// A guest: a component, as it is or compressed with zstd.
#[derive(Clone)]
pub(super) struct Guest {
    bytes: Cow<'static, [u8]>,
    hash: Arc<str>,
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guest").field("bytes", &self.bytes.len()).field("hash", &self.hash).finish()
    }
}

impl Guest {
    /// The one that this program was built with.
    pub(super) fn embedded() -> Self {
        Self { bytes: Cow::Borrowed(EMBEDDED), hash: EMBEDDED_HASH.into() }
    }

    /// One that is given at run time.
    pub(super) fn given(bytes: Vec<u8>) -> Self {
        let hash = hex(&Sha256::digest(&bytes));
        Self { bytes: Cow::Owned(bytes), hash: hash.into() }
    }

    /// One that is in a file.
    pub(super) fn read(path: &Path) -> std::io::Result<Self> {
        std::fs::read(path).map(Self::given)
    }

    /// What tells it from every other guest: the SHA-256 of its bytes, in hexadecimal digits.
    pub(super) fn hash(&self) -> &str {
        &self.hash
    }

    /// The component itself. Takes a tenth of a second and tens of megabytes.
    pub(super) fn unpack(&self) -> Result<Cow<'_, [u8]>, GuestError> {
        if self.bytes.is_empty() {
            return Err(GuestError::Missing);
        }
        if !self.bytes.starts_with(&zstd::zstd_safe::MAGICNUMBER.to_le_bytes()) {
            return Ok(Cow::Borrowed(&self.bytes));
        }
        let unpack = || {
            let mut decoder = zstd::stream::read::Decoder::new(self.bytes.as_ref())?;
            let mut wasm = Vec::new();
            std::io::Read::read_to_end(&mut std::io::Read::take(&mut decoder, SIZE_MAX as u64), &mut wasm)?;
            Ok(wasm)
        };
        unpack().map(Cow::Owned).map_err(GuestError::Damaged)
    }

    /// Whether there is one at all.
    pub(super) fn is_missing(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Bytes in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
