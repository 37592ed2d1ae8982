//! The `wasm` backend: CPython compiled to WebAssembly, run by wasmtime, with nothing of the machine in reach.
//!
//! Read in this order: [`run`] is one run from task to outcome; [`image`] makes the instances; [`engine`] lists what the
//! guest can call, [`host`] answers it, [`files`] and [`output`] are its files and its output; [`cache`] and [`guest`]
//! are where its code comes from. The Python side is in `guest/`.

mod cache;
mod content;
mod engine;
mod file_streams;
mod files;
mod guest;
mod host;
mod image;
mod output;
mod result;
mod run;
mod scratch;
mod state;
mod ticker;

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use async_trait::async_trait;
use automa_core::sandbox::{Capabilities, Check, Exit, Outcome, OutputSender, Probe, Sandbox, Task};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use cache::Origin;
use guest::Guest;
use image::Image;

use crate::error::Error;

/// The name of this backend.
const BACKEND: &str = "wasm";

/// Asks the guest which Python it is: what [`WasmSandbox::probe`] runs.
const PROBE_SCRIPT: &str = "import sys, automa\nautoma.set_result('.'.join(map(str, sys.version_info[:3])))";

/// Runs scripts in CPython compiled to WebAssembly: no process, no system call, no network, files only in memory.
///
/// Scripts run on worker threads of its own, so that they never hold up the application. The interpreter is loaded at
/// the first use, or by [`WasmSandbox::load`]: in milliseconds from the cache of machine code, in about ten seconds
/// when it has to be compiled, which happens once per machine.
///
/// What this backend cannot do: grant a network, hold a script to less than one core. Scripts cannot start processes or
/// threads. The hash seed of the interpreter is the same in every run; random numbers are not.
#[derive(Debug)]
pub struct WasmSandbox {
    settings: WasmSandboxBuilder,
    loaded: OnceCell<Loaded>,
}

/// How a [`WasmSandbox`] is set up. Every setting has a default.
#[derive(Debug, Clone)]
pub struct WasmSandboxBuilder {
    cache: Option<PathBuf>,
    workers: usize,
    spares: usize,
    guest: Guest,
}

/// What is there from the first use on.
#[derive(Debug)]
struct Loaded {
    image: Arc<Image>,
    workers: Workers,
}

/// The threads that scripts run on.
#[derive(Debug)]
struct Workers {
    handle: Handle,
    /// Always there, except while this is dropped.
    runtime: Option<Runtime>,
}

impl Default for WasmSandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl WasmSandbox {
    /// With the default settings. Loads nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Sets one up otherwise.
    #[must_use]
    pub fn builder() -> WasmSandboxBuilder {
        WasmSandboxBuilder::default()
    }

    /// Loads the interpreter, and returns when runs can start at once.
    ///
    /// # Errors
    ///
    /// [`Error::GuestMissing`] when this program was built without the Python guest and none was given;
    /// [`Error::Unusable`] when it cannot be loaded or compiled. The next call tries again.
    pub async fn load(&self) -> Result<(), Error> {
        self.loaded().await.map(|_| ())
    }

    async fn loaded(&self) -> Result<&Loaded, Error> {
        self.loaded.get_or_try_init(|| Loaded::load(&self.settings)).await
    }

    /// Looks at one thing after the other; whether scripts can run.
    async fn probe_into(&self, checks: &mut Vec<Check>) -> bool {
        let engine = format!("wasmtime {}", env!("AUTOMA_WASMTIME_VERSION"));
        checks.push(Check { name: "engine", found: engine, remedy: None });
        let loaded = match self.loaded().await {
            Ok(loaded) => loaded,
            Err(error) => {
                let remedy = match error {
                    Error::GuestMissing => "run `cargo xtask guest`, then build again",
                    Error::Unusable { .. } => "report this, with the text beside it",
                };
                checks.push(Check { name: "python", found: error.to_string(), remedy: Some(remedy.to_owned()) });
                return false;
            }
        };
        let (output, _reader) = OutputSender::channel(1);
        let outcome = self.run(Task::new(PROBE_SCRIPT), output, CancellationToken::new()).await;
        let version = outcome.result.as_ref().and_then(|result| result.value().as_str());
        let works = outcome.exit == Exit::Code(0) && version.is_some();
        checks.push(match version {
            Some(version) if works => Check { name: "python", found: format!("CPython {version}"), remedy: None },
            _ => Check {
                name: "python",
                found: format!("a test run ended as {:?}: {}", outcome.exit, outcome.reason.unwrap_or_default()),
                remedy: Some("report this, with the text beside it".to_owned()),
            },
        });
        checks.push(self.cache_check(loaded.image.origin()));
        works
    }

    fn cache_check(&self, origin: &Origin) -> Check {
        let (found, remedy) = match origin {
            Origin::Cache(path) => (format!("machine code in {}", path.display()), None),
            Origin::Compiled(path) => (format!("compiled now, kept in {}", path.display()), None),
            Origin::Memory(why) => {
                let folder = self.settings.folder();
                let remedy = format!(
                    "compiling takes about 10 seconds at every start; make {} a folder that only this user can write to, or set another",
                    folder.display()
                );
                (format!("cannot use {}: {why}", folder.display()), Some(remedy))
            }
        };
        Check { name: "cache", found, remedy }
    }
}

impl Default for WasmSandboxBuilder {
    /// The guest that this program was built with, the user's cache folder, as many workers as there are cores, one
    /// spare instance.
    fn default() -> Self {
        let workers = thread::available_parallelism().map_or(1, usize::from);
        Self { cache: None, workers, spares: 1, guest: Guest::embedded() }
    }
}

impl WasmSandboxBuilder {
    /// The folder for compiled machine code, about 100 MB. It has to belong to this user, and is closed to all others.
    ///
    /// The default is `automa/wasm` in `$XDG_CACHE_HOME`, or in `~/.cache`.
    #[must_use]
    pub fn cache_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache = Some(folder.into());
        self
    }

    /// How many scripts can compute at the same time, at least 1. Others take turns with them.
    #[must_use]
    pub fn worker_threads(mut self, count: usize) -> Self {
        self.workers = count.max(1);
        self
    }

    /// How many instances wait ready for the next runs; 0 makes each when it is needed, which takes some milliseconds.
    ///
    /// One that waits takes about 4 MB of memory of its own, and about 10 MB that it shares with the others.
    #[must_use]
    pub fn spare_instances(mut self, count: usize) -> Self {
        self.spares = count;
        self
    }

    /// Another guest than the one that this program was built with: a component, or one compressed with zstd.
    #[must_use]
    pub fn guest(mut self, bytes: Vec<u8>) -> Self {
        self.guest = Guest::given(bytes);
        self
    }

    /// Another guest, from a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn guest_file(mut self, path: &Path) -> io::Result<Self> {
        self.guest = Guest::read(path)?;
        Ok(self)
    }

    /// The backend. Nothing is loaded yet.
    #[must_use]
    pub fn build(self) -> WasmSandbox {
        WasmSandbox { settings: self, loaded: OnceCell::new() }
    }

    fn folder(&self) -> PathBuf {
        let given = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        self.cache.clone().unwrap_or_else(|| {
            given("XDG_CACHE_HOME")
                .filter(|folder| folder.is_absolute())
                .or_else(|| given("HOME").map(|home| home.join(".cache")))
                .unwrap_or_else(env::temp_dir)
                .join("automa")
                .join("wasm")
        })
    }
}

impl Loaded {
    async fn load(settings: &WasmSandboxBuilder) -> Result<Self, Error> {
        if settings.guest.is_missing() {
            return Err(Error::GuestMissing);
        }
        let workers = Workers::start(settings.workers)?;
        let (folder, settings) = (settings.folder(), settings.clone());
        let load = move || Image::load(&folder, &settings.guest, settings.spares, settings.workers);
        let loading = workers.handle.spawn_blocking(load);
        let image = loading.await.map_err(|error| Error::Unusable { reason: error.to_string() })??;
        let image = Arc::new(image);
        image.stock(&workers.handle);
        Ok(Self { image, workers })
    }
}

impl Workers {
    fn start(count: usize) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(count)
            .thread_name("automa-wasm")
            // A poll of a computing guest takes a whole tick, so sleepers and newcomers are looked after at each.
            .event_interval(1)
            .global_queue_interval(2)
            .enable_time()
            .build()
            .map_err(|error| Error::Unusable { reason: format!("failed to start the worker threads: {error}") })?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // Dropping a runtime waits for its threads, which is not allowed inside another runtime. This does not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[async_trait]
impl Sandbox for WasmSandbox {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            backend: BACKEND,
            isolation: "WebAssembly: no system calls, no network, files only in memory",
            network: false,
            cpu_share: false,
            processes: false,
        }
    }

    async fn probe(&self) -> Probe {
        let mut checks = Vec::new();
        let available = self.probe_into(&mut checks).await;
        Probe { backend: BACKEND, available, checks }
    }

    async fn run(&self, task: Task, output: OutputSender, cancel: CancellationToken) -> Outcome {
        if let Some(reason) = self.capabilities().refusal(&task.limits, &task.permissions) {
            return Outcome::sandbox_error(reason);
        }
        if let Err(invalid) = task.limits.check().and_then(|()| task.permissions.check()) {
            return Outcome::sandbox_error(format!("the task cannot be run: {invalid}"));
        }
        match cancel.run_until_cancelled(self.loaded()).await {
            None => run::cancelled_before_start(),
            Some(Err(error)) => Outcome::sandbox_error(error.to_string()),
            Some(Ok(loaded)) => run::run(&loaded.image, &loaded.workers.handle, task, output, cancel).await,
        }
    }
}
