//! Examples of using Automa: programs in `bin/`, and a store of one's own in [`metered_store`].

pub mod metered_store;

#[doc = include_str!("../../README.md")]
#[cfg(doctest)]
struct Readme;
