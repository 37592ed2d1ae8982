//! The suites that every implementation of a trait must pass, for ours and for yours.
//!
//! Each promise of a trait is one function here and becomes one test, named like the promise:
//!
//! ```ignore
//! // In a test of your crate, with the feature `conformance` of this one:
//! automa_core::conformance::store!(MyStore::connect("…").await.unwrap());
//! ```
//!
//! The tests need nothing of your crate but the expression, which is evaluated anew for each of them, inside an async
//! runtime.

#[expect(clippy::unwrap_used, reason = "whatever fails in a suite is what the suite is for")]
pub mod auditor;
#[expect(clippy::unwrap_used, reason = "whatever fails in a suite is what the suite is for")]
mod given;
#[expect(clippy::unwrap_used, reason = "whatever fails in a suite is what the suite is for")]
pub mod sandbox;
#[expect(clippy::unwrap_used, reason = "whatever fails in a suite is what the suite is for")]
pub mod store;

#[doc(inline)]
pub use crate::{__auditor_suite as auditor, __sandbox_suite as sandbox, __store_suite as store};

/// Runs one test of a suite. What the macros expand to calls it.
///
/// # Panics
///
/// When the test fails, or takes longer than a minute.
#[doc(hidden)]
pub fn run(test: impl Future<Output = ()>) {
    use std::time::Duration;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let Ok(runtime) = runtime else { panic!("the machine cannot start an async runtime") };
    runtime.block_on(async {
        assert!(
            tokio::time::timeout(Duration::from_secs(60), test).await.is_ok(),
            "the test did not end within a minute"
        );
    });
}
