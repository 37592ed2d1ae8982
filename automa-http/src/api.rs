//! The handlers: each reads a request, asks the engine, and answers. They decide nothing.

pub(crate) mod agents;
pub(crate) mod answers;
pub(crate) mod auth;
pub(crate) mod executions;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod logs;
pub(crate) mod scripts;
