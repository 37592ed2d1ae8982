//! Sandbox backends for Automa: where a script runs, and what it cannot reach.
//!
//! Each backend is a feature and one type that implements [`Sandbox`](automa_core::sandbox::Sandbox):
//!
//! | feature | type | what runs | boundary |
//! |---|---|---|---|
//! | `wasm` (default) | `WasmSandbox` | CPython compiled to WebAssembly | no system calls at all |

mod defaults;
mod error;
#[cfg(feature = "wasm")]
mod wasm;

#[cfg(feature = "sled")]
pub use defaults::open;
pub use defaults::{builder, sandboxes};
pub use error::Error;
#[cfg(feature = "wasm")]
pub use wasm::{WasmSandbox, WasmSandboxBuilder};
