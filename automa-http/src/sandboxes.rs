//! The sandboxes of this machine: the one place that knows which backends this program was built with.

use std::sync::Arc;

use automa_core::Sandbox;
use automa_core::agent::BackendChoice;
use automa_sandbox::WasmSandbox;

/// What this program was built with, the strongest first. Nothing is loaded yet.
#[derive(Debug, Clone)]
pub(crate) struct Sandboxes {
    wasm: Arc<WasmSandbox>,
}

impl Sandboxes {
    /// All of them.
    pub(crate) fn new() -> Self {
        Self { wasm: Arc::new(WasmSandbox::new()) }
    }

    /// All of them, in the order in which `auto` prefers them.
    pub(crate) fn all(&self) -> Vec<Arc<dyn Sandbox>> {
        let wasm: Arc<WasmSandbox> = Arc::clone(&self.wasm);
        vec![wasm]
    }

    /// The one that was asked for.
    pub(crate) fn choose(&self, choice: &BackendChoice) -> Option<Arc<dyn Sandbox>> {
        self.all().into_iter().find(|sandbox| match choice {
            BackendChoice::Auto => true,
            BackendChoice::Named(name) => name == sandbox.capabilities().backend,
        })
    }

    /// Makes them ready, so that the first run does not have to wait; what went wrong, for people.
    pub(crate) async fn load(&self) -> Result<(), String> {
        self.wasm.load().await.map_err(|error| format!("the wasm sandbox cannot be used: {error}"))
    }
}
