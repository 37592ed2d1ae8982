//! Accounts: the first one, later ones, signing in and out.

use axum::Json;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use automa_core::password::Password;

use super::answers::{Answer, OpenProblem, ReadProblem, SignOutProblem};
use crate::extract::{Body, Caller, media_type};
use crate::problem::{INTERNAL, Problem};
use crate::state::AppState;
use crate::wire::user::{LoginForm, LoginIn, RegisterIn, TokenOut, UserOut};

/// Make an account
///
/// The first account becomes admin and takes the set-up token that the server printed at its start. Later ones become
/// viewers, where the server is set up to let people register.
#[utoipa::path(
    post, path = "/auth/register", tag = "auth", security(()),
    request_body = RegisterIn,
    responses((status = 201, description = "The account", body = UserOut), OpenProblem),
)]
pub(crate) async fn register(State(state): State<AppState>, Body(body): Body<RegisterIn>) -> Answer<Response> {
    let (new, token) = body.read()?;
    let user = state.automa().register(new, token.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(UserOut::from(user))).into_response())
}

/// Sign in
///
/// Takes JSON, or the form of OAuth 2's password grant. The answer's token goes into the header
/// `Authorization: Bearer …` of every other request.
#[utoipa::path(
    post, path = "/auth/login", tag = "auth", security(()),
    request_body(content((LoginIn = "application/json"), (LoginForm = "application/x-www-form-urlencoded"))),
    responses((status = 200, description = "An access token", body = TokenOut), OpenProblem),
)]
pub(crate) async fn login(State(state): State<AppState>, request: Request) -> Answer<Json<TokenOut>> {
    let LoginIn { username, password } = credentials(&state, request).await?;
    let signed_in = state.automa().sign_in(&username, Password::claimed(password)).await?;
    let now = state.automa().now();
    let issued = state.tokens().issue(&signed_in.session, now).map_err(|error| {
        tracing::error!(%error, "failed to sign an access token");
        Problem::new(INTERNAL, "no access token could be made; the server's log says more")
    })?;
    Ok(Json(TokenOut {
        access_token: issued.token,
        token_type: "bearer",
        expires_in: issued.expires_at.duration_since(now).as_secs(),
        expires_at: issued.expires_at,
        user: signed_in.user.into(),
    }))
}

async fn credentials(state: &AppState, request: Request) -> Answer<LoginIn> {
    if media_type(request.headers()).as_deref() != Some("application/x-www-form-urlencoded") {
        return Ok(Body::<LoginIn>::from_request(request, state).await?.0);
    }
    let form = Body::<LoginForm>::form(request).await?;
    if form.grant_type.is_some_and(|grant| grant != "password") {
        return Err(Problem::malformed("grant_type", "must be password"));
    }
    Ok(LoginIn { username: form.username, password: form.password })
}

/// Sign out
///
/// Ends the login: every access token that came of it stops counting at once.
#[utoipa::path(
    post, path = "/auth/logout", tag = "auth",
    responses((status = 204, description = "Signed out"), SignOutProblem),
)]
pub(crate) async fn logout(caller: Caller) -> Answer<StatusCode> {
    caller.sign_out().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Look at one's own account
#[utoipa::path(
    get, path = "/auth/me", tag = "auth",
    responses((status = 200, description = "The caller's account", body = UserOut), ReadProblem),
)]
pub(crate) async fn me(caller: Caller) -> Answer<Json<UserOut>> {
    Ok(Json(caller.me().await?.into()))
}
