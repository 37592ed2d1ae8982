//! What handlers take from a request: the caller, ids, bodies, queries, preconditions. Each refuses in one clear error.

mod body;
mod caller;
mod conditional;
mod path;
mod query;
mod words;

pub(crate) use self::body::{Body, Input, MaybeBody, Upload, media_type};
pub(crate) use self::caller::Caller;
pub(crate) use self::conditional::IfMatch;
pub(crate) use self::path::{PathId, PathVersion};
pub(crate) use self::query::{Paging, Params, QueryInput, optional};
