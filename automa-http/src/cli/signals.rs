//! Ctrl-C and SIGTERM: the first asks for an end, the second takes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Failure;
use crate::exit_codes;

/// Watches for signals for as long as the runtime lives.
#[derive(Debug)]
pub(super) struct Signals {
    first: Arc<AtomicU8>,
}

impl Signals {
    /// Cancels `end` at the first signal, and ends the process at the second.
    pub(super) fn watch(end: CancellationToken) -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Failure::new(exit_codes::FAILED, format!("signals cannot be watched for: {error}")))
        };
        let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
        let first = Arc::new(AtomicU8::new(0));
        let noted = Arc::clone(&first);
        tokio::spawn(async move {
            let code = either(&mut interrupt, &mut terminate).await;
            noted.store(code, Ordering::SeqCst);
            end.cancel();
            let code = either(&mut interrupt, &mut terminate).await;
            end_now(code);
        });
        Ok(Self { first })
    }

    /// The exit code for the first signal, if there was one.
    pub(super) fn first(&self) -> Option<u8> {
        Some(self.first.load(Ordering::SeqCst)).filter(|code| *code != 0)
    }
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) -> u8 {
    tokio::select! {
        _ = interrupt.recv() => exit_codes::INTERRUPTED,
        _ = terminate.recv() => exit_codes::TERMINATED,
    }
}

#[expect(clippy::exit, reason = "whoever signals twice wants no more tidying up; what was acknowledged is on disk")]
fn end_now(code: u8) {
    std::process::exit(i32::from(code));
}
