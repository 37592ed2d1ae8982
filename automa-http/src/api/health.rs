//! Whether the server lives, whether it is ready, and what it is.

use axum::Json;
use axum::extract::State;

use super::answers::{Answer, AnyProblem};
use crate::state::AppState;
use crate::wire::health::{HealthOut, VersionInfo};

/// Whether the server lives
///
/// Says yes as long as it answers at all.
#[utoipa::path(
    get, path = "/healthz", tag = "health", security(()), operation_id = "get_health",
    responses((status = 200, description = "It lives", body = HealthOut)),
)]
pub(crate) async fn live() -> Json<HealthOut> {
    Json(HealthOut { status: "ok" })
}

/// Whether the server can take work
///
/// Says no while it shuts down, and while its store cannot answer.
#[utoipa::path(
    get, path = "/readyz", tag = "health", security(()), operation_id = "get_readiness",
    responses((status = 200, description = "It can", body = HealthOut), AnyProblem),
)]
pub(crate) async fn ready(State(state): State<AppState>) -> Answer<Json<HealthOut>> {
    state.automa().ready().await?;
    Ok(Json(HealthOut { status: "ok" }))
}

/// What this server is
#[utoipa::path(
    get, path = "/version", tag = "health", security(()), operation_id = "get_version",
    responses((status = 200, description = "Its name and version", body = VersionInfo)),
)]
pub(crate) async fn version() -> Json<VersionInfo> {
    Json(VersionInfo::this())
}
