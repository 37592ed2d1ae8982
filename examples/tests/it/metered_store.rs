//! The metered store is a store, and it counts.

use std::sync::Arc;

use automa_core::store::{Batch, MemoryStore, PageRequest, Query, Store as _};
use automa_examples::metered_store::MeteredStore;

automa_core::conformance::store!(MeteredStore::new(Arc::new(MemoryStore::new())));

#[tokio::test]
async fn reads_and_commits_are_counted() {
    let store = MeteredStore::new(Arc::new(MemoryStore::new()));
    store.commit(Batch::new()).await.unwrap();
    store.list(&Query::Scripts, &PageRequest::first(1)).await.unwrap();
    assert_eq!((store.reads(), store.commits()), (1, 1));
}
