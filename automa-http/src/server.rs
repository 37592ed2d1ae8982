//! Serves the router: connections in bounded number, slow ones dropped, all of them finished at the end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::router::router;
use crate::state::AppState;

/// At most this many connections at once; more wait in the system's queue.
const CONNECTIONS_MAX: usize = 1_024;
/// How long the head of a request may take, and a connection be kept without one.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// How long requests under way get to finish once the server stops.
const FINISH_WITHIN: Duration = Duration::from_secs(10);
/// How long to wait when no connection can be taken, as when the process has too many files open.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves [`router`] over HTTP/1.1 until `stop` is ready, then takes no new connection, lets requests under way finish
/// for up to 10 seconds, ends live output, and returns.
///
/// The engine goes on: [`Automa::shutdown`](automa_core::Automa::shutdown) ends it.
///
/// # Errors
///
/// None at present; connections that fail are their own affair.
pub async fn serve(listener: TcpListener, state: AppState, stop: impl Future<Output = ()> + Send) -> io::Result<()> {
    let service = TowerToHyperService::new(router(state.clone()));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_headers(100);
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        let (stream, place) = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &room) => accepted,
        };
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service.clone()));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    state.close();
    if tokio::time::timeout(FINISH_WITHIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish within {} s and were cut off", FINISH_WITHIN.as_secs());
    }
    Ok(())
}

/// The next connection, as soon as there is room for one.
async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so there always is a permit in the end.
    let place = Arc::clone(room).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are written whole; waiting for more would only make them late.
                let _ = stream.set_nodelay(true);
                return (stream, place);
            }
            Err(error) => {
                tracing::warn!(%error, "failed to take a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
