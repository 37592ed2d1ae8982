//! Automa's HTTP API inside somebody else's axum application, below `/automa`.
//!
//! With an address as argument it serves until it is interrupted. Without one it asks itself one question and ends.

use std::error::Error;

use automa_core::{Automa, Principal};
use automa_http::{AppState, Tokens, router};
use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example talks to its reader")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let automa = automa_sandbox::open(folder.path()).await?;
    automa.start().await?;

    let state = AppState::new(automa.clone(), Tokens::random()?);
    let app =
        Router::new().route("/", get(scripts_so_far)).with_state(automa.clone()).nest("/automa", router(state.clone()));

    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0")).await?;
    println!("http://{}/automa/docs", listener.local_addr()?);
    let asked = listener.local_addr()?;
    let serving = axum::serve(listener, app).into_future();
    if address.is_some() {
        serving.await?;
    } else {
        let server = tokio::spawn(serving);
        println!("{}", ask(asked, "/automa/healthz").await?);
        server.abort();
    }
    state.close();
    automa.shutdown(std::time::Duration::from_secs(5)).await?;
    Ok(())
}

/// A page of the application's own, beside Automa's.
async fn scripts_so_far(axum::extract::State(automa): axum::extract::State<Automa>) -> String {
    let me = automa.acting_as(Principal::owner("my own page"));
    match me.scripts(&automa_core::store::PageRequest::newest(10)).await {
        Ok(page) => page.items.iter().map(|script| format!("{}\n", script.name)).collect(),
        Err(error) => error.to_string(),
    }
}

/// The first line of what a path answers.
async fn ask(address: std::net::SocketAddr, path: &str) -> Result<String, Box<dyn Error>> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let line = answer.lines().next().unwrap_or_default().to_owned();
    if line.contains("200") { Ok(line) } else { Err(line.into()) }
}
