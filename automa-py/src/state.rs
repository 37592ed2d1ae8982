//! What a Python object last read of its thing, shared with whoever reads it anew.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};

use automa_core::error::Error;
use automa_core::store::Revision;

use crate::failure::Result;
use crate::given::Whole;

/// How often a change is repeated on a newer state of its thing when no revision was demanded.
const ATTEMPTS: usize = 8;

/// The last state that was read. Clones share it.
pub(crate) struct State<T>(Arc<Mutex<T>>);

impl<T> State<T> {
    /// The first that was read.
    pub(crate) fn new(first: T) -> Self {
        Self(Arc::new(Mutex::new(first)))
    }

    /// Looks at it.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a newer one in its place.
    pub(crate) fn set(&self, newer: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = newer;
    }
}

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Makes a change that names only some fields: reads the newest state, changes it, and begins again when somebody else
/// changed it meanwhile. With a demanded revision it does not begin again.
pub(crate) async fn until_fresh<T, F>(revision: Option<Revision>, mut attempt: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T, Error>>,
{
    for _ in 1..ATTEMPTS {
        match attempt().await {
            Err(Error::Stale(_)) if revision.is_none() => {}
            done => return Ok(done?),
        }
    }
    Ok(attempt().await?)
}

/// The revision that a caller demands.
pub(crate) fn revision_of(given: Option<Whole>) -> Result<Option<Revision>> {
    given.map(|given| given.get("revision").map(Revision)).transpose()
}

/// What Python hashes an object by: its id, which never changes.
pub(crate) fn hash(id: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}
