//! The router with an engine behind it, asked without a socket.

use std::sync::Arc;

use automa_core::automa::{NewUser, Settings};
use automa_core::password::Password;
use automa_core::store::Store;
use automa_core::user::Role;
use automa_core::{Automa, Principal};
use automa_http::{AppState, Tokens, router};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::PASSWORD;
use super::fake::{FailingStore, FakeSandbox};

/// What tokens are signed with in tests.
pub(crate) const SECRET: &[u8] = b"a secret of the tests, and nobody else's";

/// A router, an engine, and somebody who asks.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) router: Router,
    pub(crate) automa: Automa,
    pub(crate) sandbox: Arc<FakeSandbox>,
    pub(crate) fails: Arc<std::sync::atomic::AtomicU8>,
    pub(crate) token: Option<String>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Reply {
    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The same, of an answer that must have this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        let shown = String::from_utf8_lossy(&self.bytes).into_owned();
        assert_eq!(self.status.as_u16(), status, "{shown}");
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }

    /// A header's text.
    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Api {
    /// A new engine with nobody in it, that runs nothing yet.
    pub(crate) async fn empty() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let store = FailingStore::new();
        let fails = Arc::clone(&store.fails);
        let store: Arc<dyn Store> = Arc::new(store);
        let sandbox = Arc::new(FakeSandbox::default());
        let automa = Automa::builder().store(store).sandbox(Arc::<FakeSandbox>::clone(&sandbox)).settings(settings);
        let automa = automa.open().await.unwrap();
        let state = AppState::new(automa.clone(), Tokens::from_secret(SECRET).unwrap());
        Self { router: router(state), automa, sandbox, fails, token: None }
    }

    /// A new engine that runs what is queued, with an admin who asks.
    pub(crate) async fn started() -> Self {
        let api = Self::empty().await;
        api.automa.start().await.unwrap();
        api.as_new(Role::Admin).await
    }

    /// The same engine with a new user of this role who asks.
    pub(crate) async fn as_new(&self, role: Role) -> Self {
        let owner = self.automa.acting_as(Principal::owner("test"));
        let new = |name: &str| {
            let password = Password::new(PASSWORD).unwrap();
            NewUser { username: name.parse().unwrap(), email: None, password }
        };
        // The first account is always an admin's.
        if role != Role::Admin && self.automa.setup_token().await.unwrap().is_some() {
            owner.create_user(new("first"), Role::Admin).await.unwrap();
        }
        owner.create_user(new(role.name()), role).await.unwrap();
        let mut other = self.clone();
        let login = json!({ "username": role.name(), "password": PASSWORD });
        let token = self.post("/auth/login", login).await.expect(200)["access_token"].as_str().unwrap().to_owned();
        other.token = Some(token);
        other
    }

    pub(crate) async fn send(&self, mut request: Request<Body>) -> Reply {
        if let Some(token) = self.token.as_ref().filter(|_| !request.headers().contains_key(header::AUTHORIZATION)) {
            request.headers_mut().insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Reply { status: parts.status, headers: parts.headers, bytes }
    }

    /// Sends JSON, with more headers.
    pub(crate) async fn json(&self, method: &str, path: &str, body: &Value, headers: &[(&str, &str)]) -> Reply {
        let mut request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// Sends bytes of a media type.
    pub(crate) async fn raw(&self, method: &str, path: &str, media: &str, body: impl Into<Body>) -> Reply {
        let request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, media);
        self.send(request.body(body.into()).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.bare("GET", path).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.bare("DELETE", path).await
    }

    /// Sends nothing.
    pub(crate) async fn bare(&self, method: &str, path: &str) -> Reply {
        self.send(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.json("POST", path, &body, &[]).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Reply {
        self.json("PUT", path, &body, &[]).await
    }

    /// Makes a script; its id.
    pub(crate) async fn script(&self, name: &str, source: &str) -> String {
        let made = self.post("/api/v1/scripts", json!({ "name": name, "source": source })).await.expect(201);
        made["id"].as_str().unwrap().to_owned()
    }

    /// Makes an agent with a script of its own; its id.
    pub(crate) async fn agent(&self, name: &str, source: &str) -> String {
        let script = self.script(name, source).await;
        let made = self.post("/api/v1/agents", json!({ "name": name, "script_id": script })).await.expect(201);
        made["id"].as_str().unwrap().to_owned()
    }

    /// Waits until an execution is as the caller wants it.
    pub(crate) async fn until(&self, execution: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..500 {
            let found = self.get(&format!("/api/v1/executions/{execution}")).await.expect(200);
            if wanted(&found) {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("execution {execution} did not get there in 5 s");
    }

    /// Waits until an execution has ended.
    pub(crate) async fn ended(&self, execution: &str) -> Value {
        self.until(execution, |it| !it["ended_at"].is_null()).await
    }
}

/// The id of what was made.
pub(crate) fn id(made: &Value) -> String {
    made["id"].as_str().unwrap().to_owned()
}
