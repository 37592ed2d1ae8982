//! The core of Automa: its nouns, its four traits and the engine that joins them.
//!
//! Automa runs Python scripts safely, on a schedule. This crate knows scripts, agents, jobs and executions, keeps them
//! in a [`Store`], queues what is due through a [`Scheduler`], runs it in a [`Sandbox`] and records it with an
//! [`Auditor`]. It starts no process, opens no socket and knows no backend: `automa-sandbox` has those.
//!
//! Everything begins with [`Automa`]; everything that somebody does goes through [`Automa::acting_as`].

pub mod access;
pub mod agent;
pub mod audit;
pub mod auditor;
pub mod automa;
pub mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod error;
pub mod execution;
pub mod id;
pub mod job;
pub mod json;
pub mod limits;
pub mod name;
pub mod password;
pub mod permissions;
pub mod sandbox;
pub mod schedule;
pub mod scheduler;
pub mod script;
pub mod store;
pub mod user;
mod words;

pub use access::Principal;
pub use auditor::Auditor;
pub use automa::{Acting, Automa};
pub use clock::Clock;
pub use error::{Error, Invalid, Result};
pub use sandbox::Sandbox;
pub use schedule::Schedule;
pub use scheduler::Scheduler;
pub use store::Store;
