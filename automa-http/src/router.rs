//! Every route, on one page.

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{agents, auth, executions, health, jobs, scripts};
use crate::state::AppState;
use crate::{docs, edge, pages};

/// The whole HTTP API, its documentation and the set-up page, to be served or mounted in another application.
///
/// Mounted below a path by [`Router::nest`], everything works as at the root, links and `Location` headers included.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use automa_http::{AppState, Tokens, router};
///
/// let automa = automa_core::Automa::open("./data").await?;
/// automa.start().await?;
/// let app: axum::Router = axum::Router::new()
///     .route("/", axum::routing::get(|| async { "my own page" }))
///     .nest("/automa", router(AppState::new(automa, Tokens::random()?)));
/// # Ok(())
/// # }
/// ```
pub fn router(state: AppState) -> Router {
    let (api, document) = api().split_for_parts();
    api.merge(docs::routes(&document))
        .route("/", get(pages::home))
        .route("/setup", get(pages::setup))
        .route("/setup.js", get(pages::script))
        .route("/setup.css", get(pages::style))
        .fallback(edge::no_route)
        .method_not_allowed_fallback(edge::no_method)
        .layer(CatchPanicLayer::custom(edge::panicked))
        .layer(from_fn(edge::bounded))
        .layer(from_fn(edge::edge))
        .with_state(state)
}

/// The OpenAPI document of [`router`].
#[must_use]
pub fn openapi() -> OpenApi {
    api().into_openapi()
}

/// The routes that are documented; each says its own path and method, above its handler.
fn api() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(docs::frame())
        // /auth
        .routes(routes!(auth::register))
        .routes(routes!(auth::login))
        .routes(routes!(auth::logout))
        .routes(routes!(auth::me))
        // /api/v1/scripts
        .routes(routes!(scripts::list, scripts::create))
        .routes(routes!(scripts::get, scripts::update, scripts::delete))
        .routes(routes!(scripts::upload))
        .routes(routes!(scripts::versions))
        .routes(routes!(scripts::version))
        // /api/v1/agents
        .routes(routes!(agents::list, agents::create))
        .routes(routes!(agents::get, agents::update, agents::delete))
        .routes(routes!(agents::start))
        .routes(routes!(agents::stop))
        .routes(routes!(agents::status))
        .routes(routes!(agents::logs))
        .routes(routes!(agents::run))
        // /api/v1/jobs, /api/v1/schedules
        .routes(routes!(jobs::list, jobs::create))
        .routes(routes!(jobs::get, jobs::update, jobs::delete))
        .routes(routes!(jobs::executions))
        .routes(routes!(jobs::preview))
        .routes(routes!(jobs::run))
        .routes(routes!(jobs::preview_schedule))
        // /api/v1/executions
        .routes(routes!(executions::list))
        .routes(routes!(executions::get))
        .routes(routes!(executions::cancel))
        .routes(routes!(executions::logs))
        // /healthz, /readyz, /version
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::version))
}
