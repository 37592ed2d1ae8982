//! Pages of lists.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use automa_core::error::Problem as Fault;
use automa_core::store::{Page, PageRequest};

use crate::extract::{Paging, QueryInput};

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Page)]
pub(crate) struct PageOut<T> {
    /// What is on it.
    pub(crate) items: Vec<T>,
    /// Give it as `cursor` to get the next page; `null` on the last one.
    pub(crate) next_cursor: Option<String>,
}

impl<T> PageOut<T> {
    /// The page, with each thing on it as it goes over the wire.
    pub(crate) fn of<D>(page: Page<D>) -> Self
    where
        T: From<D>,
    {
        let next_cursor = page.next.map(|cursor| cursor.to_string());
        Self { items: page.items.into_iter().map(T::from).collect(), next_cursor }
    }
}

/// What every list can be asked.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// At most this many, 1 to 200; 50 unless given.
    #[param(value_type = Option<u32>)]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// `newest` (unless given) or `oldest` first.
    order: Option<String>,
}

impl QueryInput for PageQuery {
    type Meaning = PageRequest;

    fn read(self, faults: &mut Vec<Fault>) -> PageRequest {
        Paging::read(self.limit.as_deref(), self.cursor.as_deref(), self.order.as_deref(), faults)
    }
}
