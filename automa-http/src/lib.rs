//! Every way into Automa from outside: the HTTP API and the command line.
//!
//! [`router`] is the whole HTTP API, for an axum application of your own to mount; [`serve`] serves it. The program
//! `automa` is [`cli`]. Nothing here decides anything: each request becomes a call of
//! [`Automa::acting_as`](automa_core::Automa::acting_as), and what the engine answers is put into HTTP, or into lines and
//! exit codes.

mod api;
pub mod cli;
mod demo;
mod docs;
mod edge;
pub mod exit_codes;
mod extract;
mod pages;
pub mod problem;
mod router;
mod sandboxes;
mod server;
pub mod settings;
mod sse;
mod state;
pub mod token;
mod wire;

pub use router::{openapi, router};
pub use server::serve;
pub use state::AppState;
pub use token::Tokens;
