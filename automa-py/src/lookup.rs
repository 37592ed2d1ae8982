//! How a caller points at a script, an agent or a job: by the object, by its id, or by its name.

use std::str::FromStr;

use automa_core::Acting;
use automa_core::agent::Agent;
use automa_core::error::{Error, Invalid};
use automa_core::id::{AgentId, JobId, ScriptId};
use automa_core::job::Job;
use automa_core::name::Name;
use automa_core::script::Script;
use automa_core::store::{Cursor, Page, PageRequest};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::failure::{Failure, Result};

/// Points at one thing.
#[derive(Debug, Clone)]
pub(crate) enum Pointer<I> {
    /// By its id.
    Id(I),
    /// By its name, whatever the case.
    Name(Name),
}

impl<I: FromStr<Err = Invalid>> Pointer<I> {
    /// Reads a text: an id if it is one, else a name. `field` is the argument at fault otherwise.
    pub(crate) fn parse(field: &str, text: &str) -> Result<Self> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        let name = text.parse().map_err(|invalid: Invalid| {
            let message = invalid.problems().first().map_or_else(String::new, |problem| problem.message.clone());
            Invalid::new(field, format!("is neither an id nor a name: a name {message}"))
        })?;
        Ok(Self::Name(name))
    }

    /// Reads an object, from which `id` takes its id, or a text.
    pub(crate) fn read<'py>(
        field: &str,
        given: &Bound<'py, PyAny>,
        id: impl FnOnce(&Bound<'py, PyAny>) -> Option<I>,
    ) -> Result<Self> {
        if let Some(id) = id(given) {
            return Ok(Self::Id(id));
        }
        match given.extract::<String>() {
            Ok(text) => Self::parse(field, &text),
            Err(_) => {
                let kind = given.get_type().name().map_err(Failure::Python)?;
                let text = format!("{field} must be a {field}, its id or its name, not {kind}");
                Err(Failure::Python(PyTypeError::new_err(text)))
            }
        }
    }
}

/// The things that can be pointed at by name.
pub(crate) trait Named: Sized + Send {
    /// What names one for ever.
    type Id: Copy + Send + Sync + 'static;
    /// The one with this id.
    fn get(acting: &Acting, id: Self::Id) -> impl Future<Output = Result<Self, Error>> + Send;
    /// The one with this name, whatever the case.
    fn named(acting: &Acting, name: &Name) -> impl Future<Output = Result<Self, Error>> + Send;
}

macro_rules! named {
    ($type:ident, $id:ident, $get:ident, $named:ident) => {
        impl Named for $type {
            type Id = $id;

            async fn get(acting: &Acting, id: $id) -> Result<Self, Error> {
                acting.$get(id).await
            }

            async fn named(acting: &Acting, name: &Name) -> Result<Self, Error> {
                acting.$named(name).await
            }
        }
    };
}

named!(Script, ScriptId, script, script_named);
named!(Agent, AgentId, agent, agent_named);
named!(Job, JobId, job, job_named);

/// The thing that is pointed at.
pub(crate) async fn find<T: Named>(acting: &Acting, pointer: Pointer<T::Id>) -> Result<T> {
    Ok(match pointer {
        Pointer::Id(id) => T::get(acting, id).await?,
        Pointer::Name(name) => T::named(acting, &name).await?,
    })
}

/// Walks a list by its pages, up to `limit` records.
pub(crate) async fn collect<T, F>(
    mut next: impl FnMut(PageRequest) -> F,
    first: PageRequest,
    limit: usize,
) -> Result<Vec<T>>
where
    F: Future<Output = Result<Page<T>, Error>>,
{
    let mut all = Vec::new();
    let mut cursor: Option<Cursor> = None;
    while all.len() < limit {
        let request = PageRequest { limit: (limit - all.len()).min(PageRequest::LIMIT_MAX), ..first.clone() };
        let page = next(request.after(cursor)).await?;
        all.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    Ok(all)
}
