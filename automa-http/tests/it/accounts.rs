//! Accounts and access tokens.

use automa_core::automa::Settings;
use automa_core::user::Role;
use automa_http::Tokens;
use axum::body::Body;
use axum::http::{Request, header};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::PASSWORD;
use crate::support::api::{Api, SECRET};

#[tokio::test]
async fn the_first_account_becomes_admin_and_signs_in() {
    let api = Api::empty().await;
    let token = api.automa.setup_token().await.unwrap().unwrap();
    let account =
        json!({ "username": "Ada", "password": PASSWORD, "email": "ada@example.org", "setup_token": token.as_str() });
    let made = api.post("/auth/register", account.clone()).await.expect(201);
    assert_eq!(
        (&made["username"], &made["role"], &made["email"]),
        (&json!("ada"), &json!("admin"), &json!("ada@example.org"))
    );
    // The token ends with the first account.
    assert_eq!(api.post("/auth/register", account).await.expect(403)["code"], "forbidden");
    let signed_in = api.post("/auth/login", json!({ "username": "ada", "password": PASSWORD })).await.expect(200);
    assert_eq!((&signed_in["token_type"], &signed_in["expires_in"]), (&json!("bearer"), &json!(1_800)));
    let me = Api { token: Some(signed_in["access_token"].as_str().unwrap().to_owned()), ..api.clone() };
    let me = me.get("/auth/me").await.expect(200);
    assert_eq!(me, made);
    assert!(!me.to_string().contains("argon2"), "no password hash goes out: {me}");
}

#[tokio::test]
async fn a_form_signs_in_as_well() {
    let api = Api::empty().await;
    api.as_new(Role::Viewer).await;
    let form = "grant_type=password&username=viewer&password=correct+horse+battery+staple&scope=&client_id=";
    let reply = api.raw("POST", "/auth/login", "application/x-www-form-urlencoded", form).await;
    assert_eq!(reply.header(header::CACHE_CONTROL), Some("no-store"));
    assert_eq!(reply.expect(200)["user"]["role"], "viewer");
}

#[tokio::test]
async fn open_registration_makes_viewers() {
    let api = Api::with(Settings { open_registration: true, ..Settings::default() }).await;
    api.as_new(Role::Admin).await;
    let made = api.post("/auth/register", json!({ "username": "eve", "password": PASSWORD })).await.expect(201);
    assert_eq!(made["role"], "viewer");
}

#[tokio::test]
async fn signing_out_ends_the_token_at_once() {
    let api = Api::empty().await.as_new(Role::Viewer).await;
    api.get("/auth/me").await.expect(200);
    api.bare("POST", "/auth/logout").await.expect(204);
    assert_eq!(api.get("/auth/me").await.expect(401)["code"], "unauthenticated");
    assert_eq!(api.bare("POST", "/auth/logout").await.expect(401)["code"], "unauthenticated");
}

#[tokio::test]
async fn an_access_token_never_outlives_its_session() {
    let session = std::time::Duration::from_secs(600);
    let api = Api::with(Settings { session, ..Settings::default() }).await;
    api.as_new(Role::Viewer).await;
    let signed_in = api.post("/auth/login", json!({ "username": "viewer", "password": PASSWORD })).await.expect(200);
    assert!(signed_in["expires_in"].as_i64().unwrap() <= 600, "{signed_in}");
}

/// The claims of a good token.
fn claims(api: &Api) -> Value {
    use base64::Engine as _;
    let middle = api.token.as_ref().unwrap().split('.').nth(1).unwrap().to_owned();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(middle).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn tokens_that_are_not_exactly_ours_are_refused() {
    let api = Api::empty().await.as_new(Role::Admin).await;
    let good = claims(&api);
    let header = |typ: Option<&str>, alg| Header { typ: typ.map(str::to_owned), ..Header::new(alg) };
    let ours = || header(Some("at+jwt"), Algorithm::HS256);
    let sign = |header: &Header, claims: &Value, key: &[u8]| {
        jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(key)).unwrap()
    };
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        sign(&ours(), &claims, SECRET)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        sign(&ours(), &claims, SECRET)
    };
    let send = async |authorization: String| {
        let request = Request::get("/auth/me").header(header::AUTHORIZATION, authorization);
        api.send(request.body(Body::empty()).unwrap()).await.status.as_u16()
    };
    assert_eq!(send(format!("bearer {}", sign(&ours(), &good, SECRET))).await, 200, "the control");
    let now = good["iat"].as_u64().unwrap();
    let unsigned = {
        let parts: Vec<_> = api.token.as_ref().unwrap().split('.').collect();
        // {"typ":"at+jwt","alg":"none"}
        format!("eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJub25lIn0.{}.", parts[1])
    };
    let bad = [
        ("another key", sign(&ours(), &good, b"another secret of at least 32 bytes")),
        ("no signature", unsigned),
        ("another algorithm", sign(&header(Some("at+jwt"), Algorithm::HS512), &good, SECRET)),
        ("another type", sign(&header(Some("JWT"), Algorithm::HS256), &good, SECRET)),
        ("no type", sign(&header(None, Algorithm::HS256), &good, SECRET)),
        ("expired", with("exp", json!(now - 60))),
        ("exp as a text", with("exp", json!((now + 60).to_string()))),
        ("no exp", without("exp")),
        ("not yet", with("nbf", json!(now + 600))),
        ("nbf as a text", with("nbf", json!("0"))),
        ("no nbf", without("nbf")),
        ("another issuer", with("iss", json!("other"))),
        ("several issuers", with("iss", json!(["automa", "other"]))),
        ("another audience", with("aud", json!("other"))),
        ("several audiences", with("aud", json!(["automa-api", "other"]))),
        ("no audience", without("aud")),
        ("no session", without("sid")),
        ("a session that is none", with("sid", json!("x"))),
        ("a session that is not there", with("sid", json!(crate::support::NOBODY))),
        ("nothing", String::new()),
        ("rubbish", "a.b.c".to_owned()),
        ("endless", "a".repeat(5_000)),
    ];
    for (what, token) in bad {
        assert_eq!(send(format!("Bearer {token}")).await, 401, "{what}");
    }
    let basic = send("Basic YWRtaW46YWRtaW4=".to_owned()).await;
    assert_eq!(basic, 401);
}

#[test]
fn the_key_is_made_once_and_kept_from_others() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    Tokens::in_folder(&keys).unwrap();
    let path = keys.join("jwt.key");
    let first = std::fs::read_to_string(&path).unwrap();
    Tokens::in_folder(&keys).unwrap();
    assert_eq!(first, std::fs::read_to_string(&path).unwrap());
    assert_eq!(first.trim().len(), 64);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(&keys).unwrap().permissions().mode() & 0o777, 0o700);
        // One that was opened to others, or copied without care, is closed again, and stays the key.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        Tokens::in_folder(&keys).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(first, std::fs::read_to_string(&path).unwrap());
    }
    std::fs::write(&path, "too short").unwrap();
    let error = Tokens::in_folder(&keys).unwrap_err().to_string();
    assert!(error.contains("is damaged; remove it"), "{error}");
    let error = Tokens::from_secret(b"short").unwrap_err().to_string();
    assert!(error.contains("at least 32 bytes") || error.contains("give at least 32"), "{error}");
    assert!(!error.contains("short"), "the secret itself is never shown: {error}");
}
