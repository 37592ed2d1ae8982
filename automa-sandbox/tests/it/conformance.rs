//! The suite that every sandbox must pass, against the `wasm` backend.

automa_core::conformance::sandbox!(automa_sandbox::WasmSandbox::new());
