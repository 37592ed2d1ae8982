//! Every route × every role × a missing, a foreign and an ended token.

use std::collections::BTreeSet;

use automa_core::access::Action;
use automa_core::user::Role;
use automa_http::openapi;
use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::support::NOBODY;
use crate::support::api::Api;

/// Routes that ask for no token.
const OPEN: [&str; 5] = ["POST /auth/register", "POST /auth/login", "GET /healthz", "GET /readyz", "GET /version"];

/// What each route asks the engine for. Bodies are good ones, so that nothing but the role can be refused.
fn routes() -> Vec<(&'static str, Action, Value)> {
    let script = json!({ "name": "s", "source": "out" });
    let agent = json!({ "name": "a", "script_id": NOBODY });
    let job = json!({ "name": "j", "agent_id": NOBODY, "schedule": { "type": "manual" } });
    let preview = json!({ "schedule": { "type": "manual" } });
    let none = Value::Null;
    vec![
        ("GET /auth/me", Action::AccountOwn, none.clone()),
        ("GET /api/v1/scripts", Action::ScriptRead, none.clone()),
        ("POST /api/v1/scripts", Action::ScriptCreate, script.clone()),
        ("GET /api/v1/scripts/{id}", Action::ScriptRead, none.clone()),
        ("PUT /api/v1/scripts/{id}", Action::ScriptUpdate, json!({ "name": "s" })),
        ("DELETE /api/v1/scripts/{id}", Action::ScriptDelete, none.clone()),
        ("POST /api/v1/scripts/{id}/upload", Action::ScriptUpdate, json!("out")),
        ("GET /api/v1/scripts/{id}/versions", Action::ScriptRead, none.clone()),
        ("GET /api/v1/scripts/{id}/versions/{number}", Action::ScriptRead, none.clone()),
        ("GET /api/v1/agents", Action::AgentRead, none.clone()),
        ("POST /api/v1/agents", Action::AgentCreate, agent.clone()),
        ("GET /api/v1/agents/{id}", Action::AgentRead, none.clone()),
        ("PUT /api/v1/agents/{id}", Action::AgentUpdate, agent),
        ("DELETE /api/v1/agents/{id}", Action::AgentDelete, none.clone()),
        ("POST /api/v1/agents/{id}/start", Action::AgentStart, none.clone()),
        ("POST /api/v1/agents/{id}/stop", Action::AgentStop, none.clone()),
        ("GET /api/v1/agents/{id}/status", Action::AgentRead, none.clone()),
        ("GET /api/v1/agents/{id}/logs", Action::AgentRead, none.clone()),
        ("POST /api/v1/agents/{id}/run", Action::AgentRun, none.clone()),
        ("GET /api/v1/jobs", Action::JobRead, none.clone()),
        ("POST /api/v1/jobs", Action::JobCreate, job.clone()),
        ("GET /api/v1/jobs/{id}", Action::JobRead, none.clone()),
        ("PUT /api/v1/jobs/{id}", Action::JobUpdate, job),
        ("DELETE /api/v1/jobs/{id}", Action::JobDelete, none.clone()),
        ("GET /api/v1/jobs/{id}/executions", Action::ExecutionRead, none.clone()),
        ("GET /api/v1/jobs/{id}/preview", Action::JobRead, none.clone()),
        ("POST /api/v1/jobs/{id}/run", Action::JobRun, none.clone()),
        ("POST /api/v1/schedules/preview", Action::JobRead, preview),
        ("GET /api/v1/executions", Action::ExecutionRead, none.clone()),
        ("GET /api/v1/executions/{id}", Action::ExecutionRead, none.clone()),
        ("POST /api/v1/executions/{id}/cancel", Action::ExecutionCancel, none.clone()),
        ("GET /api/v1/executions/{id}/logs", Action::ExecutionRead, none.clone()),
        // Last: it ends the session.
        ("POST /auth/logout", Action::AccountOwn, none),
    ]
}

fn request(route: &str, body: &Value, token: Option<&str>) -> Request<Body> {
    let (method, path) = route.split_once(' ').unwrap();
    let path = path.replace("{id}", NOBODY).replace("{number}", "1");
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let body = match body {
        Value::Null => Body::empty(),
        Value::String(text) => {
            request = request.header(header::CONTENT_TYPE, "text/x-python");
            Body::from(text.clone())
        }
        other => {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(other.to_string())
        }
    };
    request.body(body).unwrap()
}

#[test]
fn the_matrix_knows_every_route() {
    let document = serde_json::to_value(openapi()).unwrap();
    let mut documented = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            documented.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let known: BTreeSet<_> = routes().into_iter().map(|it| it.0).chain(OPEN).map(str::to_owned).collect();
    assert_eq!(known, documented);
}

#[tokio::test]
async fn without_a_good_token_every_route_answers_401() {
    let api = Api::empty().await;
    let mut ended = api.as_new(Role::Admin).await;
    ended.bare("POST", "/auth/logout").await.expect(204);
    let ended = ended.token.take().unwrap();
    let foreign = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2lnbmF0dXJl";
    for (route, _, body) in routes() {
        for (what, token) in [("missing", None), ("foreign", Some(foreign)), ("ended", Some(&*ended))] {
            let reply = api.send(request(route, &body, token)).await;
            assert_eq!(reply.status, 401, "{route} with a {what} token: {reply:?}");
            assert_eq!(reply.json()["code"], "unauthenticated");
        }
        // Before it is known who asks, nothing of the request is looked at.
        let (method, path) = route.split_once(' ').unwrap();
        if method != "GET" {
            let reply = api.raw(method, &path.replace("{id}", "x"), "text/xml", "<").await;
            assert_eq!(reply.status, 401, "{route} with rubbish and no token: {reply:?}");
        }
    }
}

#[tokio::test]
async fn each_route_takes_the_role_that_its_action_takes() {
    let api = Api::empty().await;
    for role in Role::ALL.iter().copied() {
        let caller = api.as_new(role).await;
        for (route, action, body) in routes() {
            let reply = caller.send(request(route, &body, None)).await;
            let allowed = role >= action.least_role();
            assert_eq!(reply.status != 403, allowed, "{route} as {role}: {reply:?}");
            assert_ne!(reply.status, 401, "{route} as {role}: {reply:?}");
            assert!(!reply.status.is_server_error(), "{route} as {role}: {reply:?}");
            if !allowed {
                assert_eq!(reply.json()["code"], "forbidden");
            }
        }
        // What the developer made shall not stand in the way of the admin.
        for thing in api
            .automa
            .acting_as(automa_core::Principal::System)
            .scripts(&automa_core::store::PageRequest::first(9))
            .await
            .unwrap()
            .items
        {
            api.automa.acting_as(automa_core::Principal::System).delete_script(thing.id, None).await.unwrap();
        }
    }
}
