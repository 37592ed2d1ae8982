//! What every handler can reach: the engine, the tokens, and word of the server's end.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use automa_core::Automa;

use crate::token::Tokens;

/// What the router needs. Clones share everything.
#[derive(Debug, Clone)]
pub struct AppState(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    automa: Automa,
    tokens: Tokens,
    closing: CancellationToken,
}

impl AppState {
    /// A router over this engine, with these tokens.
    #[must_use]
    pub fn new(automa: Automa, tokens: Tokens) -> Self {
        Self(Arc::new(Shared { automa, tokens, closing: CancellationToken::new() }))
    }

    /// The engine.
    #[must_use]
    pub fn automa(&self) -> &Automa {
        &self.0.automa
    }

    /// Ends what would otherwise go on for as long as the other side likes: live logs. [`serve`](crate::serve) calls
    /// it; an application that serves the router itself calls it when it shuts down.
    pub fn close(&self) {
        self.0.closing.cancel();
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.0.closing
    }
}
