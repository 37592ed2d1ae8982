//! Whether the server lives, is ready, and what it is.

use serde::Serialize;
use utoipa::ToSchema;

/// That all is well.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthOut {
    /// `ok`.
    #[schema(example = "ok")]
    pub(crate) status: &'static str,
}

/// What this server is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Version)]
pub(crate) struct VersionInfo {
    /// `automa`.
    #[schema(example = "automa")]
    pub(crate) name: &'static str,
    /// Its version.
    #[schema(example = "0.1.0")]
    pub(crate) version: &'static str,
    /// For which kind of machine it was built.
    #[schema(example = "x86_64-linux")]
    pub(crate) target: String,
}

impl VersionInfo {
    /// This program.
    pub(crate) fn this() -> Self {
        let target = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
        Self { name: "automa", version: env!("CARGO_PKG_VERSION"), target }
    }
}
