//! An engine with every default, the sandboxes of this machine included.

#[cfg(feature = "sled")]
use std::path::Path;
use std::sync::Arc;

#[cfg(feature = "sled")]
use automa_core::Result;
use automa_core::automa::Builder;
use automa_core::{Automa, Sandbox};

/// The sandboxes that this build has, the one that `auto` prefers first. Costs nothing: each is loaded when it is used.
#[must_use]
pub fn sandboxes() -> Vec<Arc<dyn Sandbox>> {
    vec![
        #[cfg(feature = "wasm")]
        Arc::new(crate::WasmSandbox::new()),
    ]
}

/// A builder with the [`sandboxes`] of this machine.
pub fn builder() -> Builder {
    sandboxes().into_iter().fold(Automa::builder(), Builder::sandbox)
}

/// An engine on this folder, with every default and the [`sandboxes`] of this machine.
///
/// # Errors
///
/// As [`Automa::open`].
#[cfg(feature = "sled")]
pub async fn open(folder: impl AsRef<Path>) -> Result<Automa> {
    builder().folder(folder).open().await
}
