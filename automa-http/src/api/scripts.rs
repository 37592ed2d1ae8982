//! Scripts and their versions.

use axum::Json;
use axum::http::StatusCode;

use automa_core::id::ScriptId;

use super::answers::{Answer, ChangeProblem, CreateProblem, Created, DeleteProblem, ListProblem, ReadProblem, Tagged};
use crate::extract::{Body, Caller, IfMatch, Params, PathId, PathVersion, Upload};
use crate::wire::page::{PageOut, PageQuery};
use crate::wire::script::{ScriptIn, ScriptOut, ScriptPut, VersionOut, VersionWithSource};

/// List scripts
#[utoipa::path(
    get, path = "/api/v1/scripts", tag = "scripts", params(PageQuery), operation_id = "list_scripts",
    responses((status = 200, description = "A page of scripts", body = PageOut<ScriptOut>), ListProblem),
)]
pub(crate) async fn list(caller: Caller, Params(page): Params<PageQuery>) -> Answer<Json<PageOut<ScriptOut>>> {
    Ok(Json(PageOut::of(caller.scripts(&page).await?)))
}

/// Make a script
///
/// Its source becomes version 1. A source that does not compile is refused.
#[utoipa::path(
    post, path = "/api/v1/scripts", tag = "scripts", operation_id = "create_script", request_body = ScriptIn,
    responses((status = 201, description = "The script", body = ScriptOut), CreateProblem),
)]
pub(crate) async fn create(caller: Caller, Body(body): Body<ScriptIn>) -> Answer<Created<ScriptOut>> {
    let (spec, source) = body.read()?;
    let script = caller.create_script(spec, source).await?;
    Ok(Created(format!("/api/v1/scripts/{}", script.id), script.revision, script.into()))
}

/// Look at a script
#[utoipa::path(
    get, path = "/api/v1/scripts/{id}", tag = "scripts", operation_id = "get_script",
    params(("id" = String, Path, format = Uuid, description = "Which script")),
    responses((status = 200, description = "The script", body = ScriptOut), ReadProblem),
)]
pub(crate) async fn get(caller: Caller, PathId(id): PathId<ScriptId>) -> Answer<Tagged<ScriptOut>> {
    let script = caller.script(id).await?;
    Ok(Tagged(script.revision, script.into()))
}

/// Change a script
///
/// A source that is given becomes a new version.
#[utoipa::path(
    put, path = "/api/v1/scripts/{id}", tag = "scripts", operation_id = "update_script", request_body = ScriptPut,
    params(
        ("id" = String, Path, format = Uuid, description = "Which script"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the state that is to be changed"),
    ),
    responses((status = 200, description = "The script", body = ScriptOut), ChangeProblem),
)]
pub(crate) async fn update(
    caller: Caller,
    PathId(id): PathId<ScriptId>,
    IfMatch(expected): IfMatch,
    Body(body): Body<ScriptPut>,
) -> Answer<Tagged<ScriptOut>> {
    let (spec, source) = body.read()?;
    let script = caller.update_script(id, Some(spec), source, expected).await?;
    Ok(Tagged(script.revision, script.into()))
}

/// Remove a script and its versions
#[utoipa::path(
    delete, path = "/api/v1/scripts/{id}", tag = "scripts", operation_id = "delete_script",
    params(
        ("id" = String, Path, format = Uuid, description = "Which script"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the state that is to be removed"),
    ),
    responses((status = 204, description = "Removed"), DeleteProblem),
)]
pub(crate) async fn delete(
    caller: Caller,
    PathId(id): PathId<ScriptId>,
    IfMatch(expected): IfMatch,
) -> Answer<StatusCode> {
    caller.delete_script(id, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Upload a new version of a script
///
/// The body is the program itself, or a form with it in the field `file`.
#[utoipa::path(
    post, path = "/api/v1/scripts/{id}/upload", tag = "scripts", operation_id = "upload_script",
    params(
        ("id" = String, Path, format = Uuid, description = "Which script"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the state that is to be changed"),
    ),
    request_body(content((String = "text/x-python"), (FileForm = "multipart/form-data"))),
    responses((status = 201, description = "The script with its new version", body = ScriptOut), ChangeProblem),
)]
pub(crate) async fn upload(
    caller: Caller,
    PathId(id): PathId<ScriptId>,
    IfMatch(expected): IfMatch,
    Upload(source): Upload,
) -> Answer<Created<ScriptOut>> {
    let script = caller.update_script(id, None, Some(source), expected).await?;
    let location = format!("/api/v1/scripts/{id}/versions/{}", script.latest);
    Ok(Created(location, script.revision, script.into()))
}

/// A form with a script.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a form in the OpenAPI document")]
pub(crate) struct FileForm {
    /// The program.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// List the versions of a script
#[utoipa::path(
    get, path = "/api/v1/scripts/{id}/versions", tag = "scripts", operation_id = "list_script_versions",
    params(("id" = String, Path, format = Uuid, description = "Which script"), PageQuery),
    responses((status = 200, description = "A page of versions", body = PageOut<VersionOut>), ListProblem),
)]
pub(crate) async fn versions(
    caller: Caller,
    PathId(id): PathId<ScriptId>,
    Params(page): Params<PageQuery>,
) -> Answer<Json<PageOut<VersionOut>>> {
    Ok(Json(PageOut::of(caller.script_versions(id, &page).await?)))
}

/// Look at one version of a script, with its source
#[utoipa::path(
    get, path = "/api/v1/scripts/{id}/versions/{number}", tag = "scripts", operation_id = "get_script_version",
    params(
        ("id" = String, Path, format = Uuid, description = "Which script"),
        ("number" = u32, Path, description = "Which version, from 1", example = 1),
    ),
    responses((status = 200, description = "The version", body = VersionWithSource), ReadProblem),
)]
pub(crate) async fn version(
    caller: Caller,
    PathId(id): PathId<ScriptId>,
    PathVersion(number): PathVersion,
) -> Answer<Json<VersionWithSource>> {
    Ok(Json(caller.script_version(id, number).await?.into()))
}
