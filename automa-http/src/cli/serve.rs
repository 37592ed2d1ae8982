//! `automa serve`: the server, from its settings to its last execution.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use automa_core::Automa;
use automa_core::automa::{Builder, SetupToken};
use automa_core::store::MemoryStore;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::signals::Signals;
use super::{Failure, Outcome, folder, logging, output};
use crate::problem::with_sources;
use crate::sandboxes::Sandboxes;
use crate::settings::{Place, Settings};
use crate::{AppState, Tokens, demo, exit_codes, serve};

/// How long the first lines wait for the sandbox, so that they can say that it is ready.
const SANDBOX_WITHIN: Duration = Duration::from_millis(300);

/// What people wait for when it is not ready.
const ONCE: &str = "this takes some seconds, once per machine";

/// Arguments of `automa serve`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    folder: folder::FolderArgs,
    /// Where to listen [env: AUTOMA_LISTEN] [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// How many executions run at once [env: AUTOMA_WORKERS] [default: twice the cores, at least 4]
    #[arg(long, value_name = "COUNT")]
    workers: Option<String>,
    /// How long executions may go on after SIGTERM or Ctrl-C [env: AUTOMA_GRACE] [default: 30s]
    #[arg(long, value_name = "DURATION")]
    grace: Option<String>,
    /// How long a login holds [env: AUTOMA_SESSION] [default: 12h]
    #[arg(long, value_name = "DURATION")]
    session: Option<String>,
    /// Let people make accounts for themselves, as viewers [env: AUTOMA_OPEN_REGISTRATION]
    #[arg(long)]
    open_registration: bool,
    /// What to log, such as info or automa_http=debug [env: AUTOMA_LOG, RUST_LOG] [default: info]
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// text or json [env: AUTOMA_LOG_FORMAT] [default: text]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// On the first start, make a script, an agent and a job that runs every minute [env: AUTOMA_DEMO]
    #[arg(long)]
    demo: bool,
}

impl Args {
    fn settings(&self) -> Result<Settings, Failure> {
        let flag = |yes: bool| yes.then(|| "true".to_owned());
        let flags = [
            ("data", self.folder.data.as_ref().map(|path| path.display().to_string())),
            ("listen", self.listen.clone()),
            ("workers", self.workers.clone()),
            ("grace", self.grace.clone()),
            ("session", self.session.clone()),
            ("open_registration", flag(self.open_registration)),
            ("log", self.log.clone()),
            ("log_format", self.log_format.clone()),
            ("demo", flag(self.demo)),
        ];
        let given = flags.into_iter().filter_map(|(key, text)| Some((key, text?)));
        Ok(Settings::read(&folder::layers(given, self.folder.config.as_deref())?)?)
    }
}

pub(super) fn main(args: &Args) -> Outcome {
    let began = Instant::now();
    let settings = args.settings()?;
    logging::start(&settings.log, settings.log_format)?;
    let runtime = super::runtime(tokio::runtime::Builder::new_multi_thread())?;
    let outcome = runtime.block_on(run(&settings, began));
    // Whatever still runs is not waited for: everything that counts has been.
    runtime.shutdown_background();
    outcome
}

async fn run(settings: &Settings, began: Instant) -> Outcome {
    let end = CancellationToken::new();
    let _signals = Signals::watch(end.clone())?;
    // Before anything is made: a secret that is too short is a mistake in the settings.
    let given = settings.secret_key.as_ref().map(|secret| Tokens::from_secret(secret.as_bytes()));
    let given = given.transpose().map_err(|error| Failure::new(exit_codes::USAGE, error.to_string()))?;
    let listener = bind(settings.listen).await?;
    let address = listener.local_addr().unwrap_or(settings.listen);
    let sandboxes = Sandboxes::new();
    let mut loading = Loading::start(sandboxes.clone());
    let automa = builder(settings, &sandboxes).open().await?;
    let tokens = given.map_or_else(|| own_tokens(settings), Ok)?.with_lifetime(settings.token_lifetime);
    let setup = automa.setup_token().await?;
    let demo = if settings.demo {
        // The demonstration's script is compiled in the sandbox; nobody shall have to wait for that to end it.
        tokio::select! {
            () = loading.finish() => demo::create(&automa).await?,
            () = end.cancelled() => return Ok(exit_codes::OK),
        }
    } else {
        None
    };
    automa.start().await?;
    let stop = end.clone();
    let state = AppState::new(automa.clone(), tokens);
    let server = tokio::spawn(async move { serve(listener, state, stop.cancelled_owned()).await });
    greet(settings, address, setup.as_ref(), demo.as_ref(), &mut loading, began).await;
    warn(settings, address);

    end.cancelled().await;
    output::say(format!("stopping: executions get {:?} to end; a second signal ends them at once", settings.grace));
    let (served, stopped) = tokio::join!(server, automa.shutdown(settings.grace));
    if let Ok(Err(error)) = served {
        tracing::warn!(%error, "failed to stop serving in good order");
    }
    stopped?;
    output::say("stopped");
    Ok(exit_codes::OK)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let text =
            format!("listen: {address} cannot be had: {error}; choose another with --listen, such as 127.0.0.1:0");
        Failure::new(exit_codes::CANNOT_LISTEN, text)
    })
}

fn builder(settings: &Settings, sandboxes: &Sandboxes) -> Builder {
    let mut builder = Automa::builder().settings(settings.engine.clone());
    builder = match &settings.place {
        Place::Folder(folder) => builder.folder(folder),
        Place::Memory => builder.store(Arc::new(MemoryStore::new())),
    };
    sandboxes.all().into_iter().fold(builder, Builder::sandbox)
}

/// Tokens with a key of our own, where no secret was given.
fn own_tokens(settings: &Settings) -> Result<Tokens, Failure> {
    let made = match &settings.place {
        Place::Folder(folder) => Tokens::in_folder(&folder.join("keys")),
        Place::Memory => Tokens::random(),
    };
    made.map_err(|error| Failure::new(exit_codes::FAILED, with_sources(&error)))
}

/// The sandbox, made ready in the background: compiling it, once per machine, takes many seconds.
struct Loading {
    task: JoinHandle<Result<(), String>>,
    done: Option<Result<(), String>>,
}

impl Loading {
    fn start(sandboxes: Sandboxes) -> Self {
        let task = tokio::spawn(async move {
            let began = Instant::now();
            let loaded = sandboxes.load().await;
            match &loaded {
                Ok(()) => tracing::debug!(elapsed = ?began.elapsed(), "the sandbox is ready"),
                Err(error) => tracing::error!(%error, "scripts cannot run; `automa doctor` says more"),
            }
            loaded
        });
        Self { task, done: None }
    }

    /// Waits until it is known how it came out, and says so where that is not at once.
    async fn finish(&mut self) {
        if self.in_a_moment().await.is_none() {
            output::say(format!("preparing the sandbox: {ONCE}"));
            let done = (&mut self.task).await;
            self.done = Some(done.unwrap_or_else(|error| Err(error.to_string())));
        }
    }

    /// How it came out, when that is known after a moment.
    async fn in_a_moment(&mut self) -> Option<&Result<(), String>> {
        if self.done.is_none()
            && let Ok(done) = tokio::time::timeout(SANDBOX_WITHIN, &mut self.task).await
        {
            self.done = Some(done.unwrap_or_else(|error| Err(format!("the wasm sandbox failed to load: {error}"))));
        }
        self.done.as_ref()
    }
}

/// Says where everything is.
async fn greet(
    settings: &Settings,
    address: SocketAddr,
    setup: Option<&SetupToken>,
    demo: Option<&demo::Made>,
    loading: &mut Loading,
    began: Instant,
) {
    let sandbox = match loading.in_a_moment().await {
        Some(Ok(())) => "wasm (CPython in WebAssembly), ready".to_owned(),
        Some(Err(error)) => error.clone(),
        None => format!("wasm, being prepared: {ONCE}"),
    };
    let data = match &settings.place {
        Place::Folder(folder) => folder.canonicalize().unwrap_or_else(|_| PathBuf::from(folder)).display().to_string(),
        Place::Memory => "in memory; all is gone when the server ends".to_owned(),
    };
    let base = base(address);
    output::say(format!("automa {} is ready after {} ms", env!("CARGO_PKG_VERSION"), began.elapsed().as_millis()));
    output::say(format!("  listening on  {base}"));
    output::say(format!("  API, docs     {base}/docs"));
    output::say(format!("  data          {data}"));
    output::say(format!("  sandbox       {sandbox}"));
    if let Some(token) = setup {
        output::say("First start: make your account here (the link works once, until this server stops):");
        output::say(format!("  {base}/setup#token={}", token.as_str()));
    }
    if let Some(made) = demo {
        output::say(made.hint(&base));
    }
}

/// The address as somebody on this machine can open it.
fn base(address: SocketAddr) -> String {
    let mut shown = address;
    if address.ip().is_unspecified() {
        shown.set_ip(if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    format!("http://{shown}")
}

fn warn(settings: &Settings, address: SocketAddr) {
    if settings.sandbox_image.is_some() {
        tracing::warn!(
            "sandbox_image is for the docker sandbox, which this version does not have yet; it does nothing"
        );
    }
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "listening without TLS beyond this machine; put a proxy with TLS in front of it");
    }
}
