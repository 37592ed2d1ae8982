//! Automa measured against named rivals. Every figure is a ratio of medians, both sides interleaved in one run.

pub mod figures;
pub mod idle;
pub mod path;
pub mod report;
pub mod sandbox;
pub mod store;
