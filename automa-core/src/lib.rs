//! The core of Automa: its nouns, its four traits and the engine that joins them.

pub mod clock;
pub mod error;
pub mod id;
pub mod json;
pub mod limits;
pub mod permissions;
pub mod sandbox;
pub mod schedule;
