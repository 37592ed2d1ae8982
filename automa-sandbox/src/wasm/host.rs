//! What the host keeps for one instance, and what it answers the guest. The guest is not trusted with anything here.

use automa_core::sandbox::Stream;
use wasmtime::ResourceLimiter;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::files::{Files, FilesView};
use super::output::Output;
use super::result;
use super::scratch::Scratch;
use super::state::RunState;

/// The most handles (streams, pollables) that an instance may have at one time.
const HANDLES_MAX: usize = 4_096;
/// The most bytes that one call of the guest may hand over.
pub(super) const CALL_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The most elements of a table. The guest's own have some thousands.
const TABLE_MAX: usize = 100_000;
/// The most core instances, tables and memories: a few more than the guest is made of.
const PARTS_MAX: usize = 100;

/// Made by wasmtime from `guest/guest.wit`.
pub(super) mod bindings {
    wasmtime::component::bindgen!({
        path: "guest/guest.wit",
        world: "guest",
        imports: { default: trappable },
        exports: { default: async },
    });
}

/// The guest asked to end at once, with this code.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the script ended itself with code {0}")]
pub(super) struct ExitNow(pub(super) i32);

/// The data of one store.
pub(super) struct Host {
    wasi: WasiCtx,
    table: ResourceTable,
    files: Files,
    output: Output,
    state: RunState,
    memory_max: u64,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("memory_max", &self.memory_max).finish_non_exhaustive()
    }
}

impl Host {
    /// For a new instance that waits for its task: silent, without room for files.
    pub(super) fn new(memory_max: u64) -> Self {
        let output = Output::muted();
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MAX);
        let wasi = WasiCtxBuilder::new()
            .stdout(output.stream(Stream::Stdout))
            .stderr(output.stream(Stream::Stderr))
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(1024 * 1024)
            .build();
        let files = Files::new(Scratch::new(0, 0));
        Self { wasi, table, files, output, state: RunState::default(), memory_max }
    }

    /// Gives the instance to a task.
    pub(super) fn begin(&mut self, limits: &automa_core::limits::Limits) -> (Output, RunState) {
        self.memory_max = limits.memory.0;
        self.files.scratch().limit(limits.scratch.0, limits.files.into());
        self.shared()
    }

    /// What the worker and the caller of a run have in common with it.
    pub(super) fn shared(&self) -> (Output, RunState) {
        (self.output.clone(), self.state.clone())
    }

    /// The open files, for the generated traits.
    pub(super) fn files(&mut self) -> FilesView<'_> {
        FilesView { files: &mut self.files, table: &mut self.table }
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl bindings::automa::guest::host::Host for Host {
    fn set_result(&mut self, json: String) -> wasmtime::Result<Result<(), String>> {
        Ok(result::check(&json).map(|()| self.state.set_result(json)))
    }

    fn ended(&mut self, code: i32, reason: Option<String>, out_of_memory: bool) -> wasmtime::Result<()> {
        self.state.ended(bindings::Ending { code, reason, out_of_memory });
        Ok(())
    }

    fn exit(&mut self, code: i32) -> wasmtime::Result<()> {
        Err(wasmtime::Error::new(ExitNow(one_byte(code))))
    }
}

/// An exit code as a process can have it. What is not 0 never becomes 0, which would be success.
pub(super) const fn one_byte(code: i32) -> i32 {
    if code != 0 && code & 0xFF == 0 { 1 } else { code & 0xFF }
}

impl ResourceLimiter for Host {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired as u64 <= self.memory_max;
        self.state.memory(if fits { desired } else { current } as u64, !fits);
        Ok(fits)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.state.memory(0, true);
        Ok(())
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_MAX)
    }

    fn instances(&self) -> usize {
        PARTS_MAX
    }

    fn tables(&self) -> usize {
        PARTS_MAX
    }

    fn memories(&self) -> usize {
        PARTS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_exit_code_becomes_success_by_being_cut() {
        for (code, cut) in [(0, 0), (1, 1), (255, 255), (256, 1), (-256, 1), (257, 1), (-1, 255), (i32::MIN, 1)] {
            assert_eq!(one_byte(code), cut, "{code}");
        }
    }
}
