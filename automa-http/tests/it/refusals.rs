//! What bad input gets: one clear error that names the field and the remedy, and nothing changes.

use std::sync::atomic::Ordering;
use std::time::Duration;

use automa_core::user::Role;
use serde_json::{Value, json};

use crate::support::api::{Api, Reply, id};
use crate::support::fake::{BROKEN, BUSY, DISK_FULL};
use crate::support::{NOBODY, PASSWORD};

/// Collects answers, with what differs from run to run taken out.
#[derive(Default)]
struct Answers(Vec<Value>, Vec<(String, &'static str)>);

impl Answers {
    /// From here on this id is shown under this name.
    fn call(&mut self, id: &str, name: &'static str) {
        self.1.push((id.to_owned(), name));
    }

    #[track_caller]
    fn note(&mut self, what: &str, reply: &Reply) {
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{what}: {reply:?}");
        let mut body = reply.json();
        assert_eq!(body["status"], reply.status.as_u16(), "{what}");
        assert_eq!(body["type"], format!("urn:automa:problem:{}", body["code"].as_str().unwrap()));
        assert_eq!(body["request_id"].as_str(), reply.header("x-request-id"), "{what}");
        let fields = body.as_object_mut().unwrap();
        fields.retain(|name, _| !["type", "title", "request_id"].contains(&name.as_str()));
        let mut text = body.to_string();
        for (id, name) in &self.1 {
            text = text.replace(id, name);
        }
        self.0.push(json!({ what: serde_json::from_str::<Value>(&text).unwrap() }));
    }
}

#[tokio::test]
async fn requests_that_cannot_be_read() {
    let api = Api::started().await;
    let mut answers = Answers::default();
    let scripts = "/api/v1/scripts";
    answers.note("no such address", &api.get("/api/v1/nothing").await);
    answers.note("no such file of the docs", &api.get("/docs/nothing.js").await);
    let patch = api.bare("PATCH", scripts).await;
    assert_eq!(patch.header("allow"), Some("GET,HEAD,POST"));
    answers.note("wrong method", &patch);
    answers.note("an id that is none", &api.get("/api/v1/scripts/42").await);
    answers.note("an id of version 4", &api.get("/api/v1/jobs/9b2c5a3e-7d1f-4c8a-9e0b-1a2b3c4d5e6f").await);
    answers.note("an id that is not UTF-8", &api.get("/api/v1/scripts/%ff").await);
    answers.note("a version that is none", &api.get(&format!("/api/v1/scripts/{NOBODY}/versions/0")).await);
    for (what, query) in [
        ("limit 0", "limit=0"),
        ("limit too high", "limit=201"),
        ("limit in letters", "limit=many"),
        ("unknown order", "order=random"),
        ("cursor that is none", "cursor=zzz"),
        ("unknown parameter", "size=3"),
        ("twice the same", "limit=1&limit=2"),
        ("everything wrong at once", "limit=0&order=up&cursor=x"),
    ] {
        answers.note(what, &api.get(&format!("{scripts}?{query}")).await);
    }
    let both = format!("/api/v1/executions?agent_id={NOBODY}&job_id={NOBODY}&status=fine");
    answers.note("two scopes and a wrong status", &api.get(&both).await);
    answers.note("not JSON", &api.raw("POST", scripts, "application/json", "{\"name\": nope}").await);
    answers.note("half of a JSON", &api.raw("POST", scripts, "application/json", "{\"name\": \"a\"").await);
    answers.note(
        "JSON and something after it",
        &api.raw("POST", scripts, "application/json", "{\"name\":\"a\",\"source\":\"a\"} {}").await,
    );
    answers.note("not UTF-8", &api.raw("POST", scripts, "application/json", &b"{\"name\": \"\xff\"}"[..]).await);
    answers.note("wrong type of body", &api.raw("POST", scripts, "text/xml", "<a/>").await);
    answers.note("no type of body", &api.bare("POST", scripts).await);
    answers.note("a body that is too large", &api.raw("POST", scripts, "application/json", vec![b' '; 3 << 20]).await);
    let job = api.raw("POST", "/api/v1/jobs", "application/json", vec![b' '; (1 << 20) + 1]).await;
    answers.note("a body that is too large for a job", &job);
    for (what, tag) in
        [("a bare number", "3"), ("a weak tag", "W/\"3\""), ("two tags", "\"1\", \"2\""), ("letters", "\"abc\"")]
    {
        let path = format!("{scripts}/{NOBODY}");
        let reply = api.json("PUT", &path, &json!({ "name": "a" }), &[("if-match", tag)]).await;
        answers.note(&format!("If-Match: {what}"), &reply);
    }
    insta::assert_json_snapshot!(answers.0);
}

#[tokio::test]
async fn scripts_that_are_refused() {
    let api = Api::started().await;
    let mut answers = Answers::default();
    let there = api.script("Report", "out hello").await;
    answers.call(&there, "SCRIPT");
    let scripts = "/api/v1/scripts";
    let long = "x".repeat((1 << 20) + 1);
    for (what, body) in [
        ("an array", json!([])),
        ("no name", json!({ "source": "out" })),
        ("no source", json!({ "name": "a" })),
        ("an unknown field", json!({ "name": "a", "source": "out", "sauce": 1 })),
        ("a name of the wrong type", json!({ "name": 3, "source": "out" })),
        ("an empty name and an empty source", json!({ "name": " ", "source": "\n" })),
        ("a long name", json!({ "name": "n".repeat(129), "source": "out" })),
        ("a name with a line break", json!({ "name": "a\nb", "source": "out" })),
        ("a source with a NUL", json!({ "name": "a", "source": "out\nx\u{0}" })),
        ("a source over 1 MiB", json!({ "name": "a", "source": long })),
        ("a source that does not compile", json!({ "name": "a", "source": "syntax error" })),
        ("a name that is taken", json!({ "name": "REPORT", "source": "out" })),
    ] {
        answers.note(what, &api.post(scripts, body).await);
    }
    answers.note(
        "a field twice",
        &api.raw("POST", scripts, "application/json", r#"{"name":"a","name":"b","source":"c"}"#).await,
    );
    let upload = format!("{scripts}/{there}/upload");
    let cases: [(&str, &str, &[u8]); 7] = [
        ("upload: not UTF-8", "text/x-python", b"out\nx\xff"),
        ("upload: empty", "text/x-python", b""),
        ("upload: JSON", "application/json", b"{\"source\": \"out\"}"),
        ("upload: a form without a boundary", "multipart/form-data", b"x"),
        ("upload: a form without the file", "multipart/form-data; boundary=X", b"--X--\r\n"),
        (
            "upload: another field",
            "multipart/form-data; boundary=X",
            b"--X\r\nContent-Disposition: form-data; name=\"path\"\r\n\r\n/etc\r\n--X--\r\n",
        ),
        (
            "upload: a form without an end",
            "multipart/form-data; boundary=X",
            b"--X\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nout",
        ),
    ];
    for (what, media, body) in cases {
        answers.note(what, &api.raw("POST", &upload, media, body).await);
    }
    answers.note("upload: too large", &api.raw("POST", &upload, "text/plain", vec![b'x'; 2 << 20]).await);
    answers
        .note("upload to nothing", &api.raw("POST", &format!("{scripts}/{NOBODY}/upload"), "text/plain", "out").await);
    let put = json!({ "name": "Report", "source": "out 2" });
    answers.note("stale", &api.json("PUT", &format!("{scripts}/{there}"), &put, &[("if-match", "\"7\"")]).await);
    api.post("/api/v1/agents", json!({ "name": "a", "script_id": there })).await.expect(201);
    answers.note("removing what an agent runs", &api.delete(&format!("{scripts}/{there}")).await);
    let after = api.get(&format!("{scripts}/{there}")).await.expect(200);
    assert_eq!((&after["revision"], &after["latest_version"]), (&json!(1), &json!(1)), "nothing may have changed");
    assert_eq!(api.get(scripts).await.expect(200)["items"].as_array().unwrap().len(), 1);
    insta::assert_json_snapshot!(answers.0);
}

#[tokio::test]
async fn agents_that_are_refused() {
    let api = Api::started().await;
    let mut answers = Answers::default();
    let script = api.script("a script", "wait").await;
    answers.call(&script, "SCRIPT");
    let deep = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    let agent = |more: Value| {
        let mut body = json!({ "name": "a", "script_id": script });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (what, body) in [
        ("an id that is none", json!({ "name": "a", "script_id": "x" })),
        ("a script that is not there", json!({ "name": "a", "script_id": NOBODY })),
        ("a version that is not there", agent(json!({ "version": 9 }))),
        ("version 0", agent(json!({ "version": 0 }))),
        ("a config that is an array", agent(json!({ "config": [1] }))),
        ("a config that is a text", agent(json!({ "config": "{}" }))),
        ("a config that is too deep", agent(json!({ "config": { "a": deep(64) } }))),
        ("a config that is far too deep", agent(json!({ "config": { "a": deep(200) } }))),
        ("a config that is too large", agent(json!({ "config": { "a": "x".repeat(256 * 1024) } }))),
        ("an unknown backend", agent(json!({ "backend": "jail" }))),
        ("a backend with a space", agent(json!({ "backend": "my jail" }))),
        ("an unknown restart", agent(json!({ "restart": "sometimes" }))),
        ("an unknown limit", agent(json!({ "limits": { "ram": 1 } }))),
        (
            "limits that cannot be read",
            agent(json!({ "limits": { "memory": "lots", "wall_time": -1, "output": 1.5, "scratch": [] } })),
        ),
        (
            "limits out of range",
            agent(
                json!({ "limits": { "memory": "1M", "wall_time": "40d", "output": "2G", "processes": 0, "cpu_millis": 1 } }),
            ),
        ),
        ("a limit of the wrong type", agent(json!({ "limits": { "files": -1 } }))),
        ("a network that no sandbox has", agent(json!({ "permissions": { "network": "full" } }))),
        ("half a network", agent(json!({ "permissions": { "network": "half" } }))),
        (
            "variables that cannot be",
            agent(json!({ "permissions": { "environment": { "A=B": "", "AUTOMA_X": "", "N": "\u{0}" } } })),
        ),
    ] {
        answers.note(what, &api.post("/api/v1/agents", body).await);
    }
    assert_eq!(api.get("/api/v1/agents").await.expect(200)["items"], json!([]), "nothing may have been made");
    let there = id(&api.post("/api/v1/agents", agent(json!({}))).await.expect(201));
    answers.call(&there, "AGENT");
    let path = format!("/api/v1/agents/{there}");
    answers.note("a name that is taken", &api.post("/api/v1/agents", agent(json!({}))).await);
    answers.note("stopping what is not started", &api.bare("POST", &format!("{path}/stop")).await);
    answers.note("an input that is an array", &api.post(&format!("{path}/run"), json!({ "input": [] })).await);
    let started = id(&api.bare("POST", &format!("{path}/start")).await.expect(202));
    answers.call(&started, "EXECUTION");
    answers.note("starting twice", &api.bare("POST", &format!("{path}/start")).await);
    answers.note("removing what runs", &api.delete(&path).await);
    api.bare("POST", &format!("{path}/stop")).await.expect(200);
    api.ended(&started).await;
    answers.note("cancelling what has ended", &api.bare("POST", &format!("/api/v1/executions/{started}/cancel")).await);
    answers.note("running what is not there", &api.bare("POST", &format!("/api/v1/agents/{NOBODY}/run")).await);
    insta::assert_json_snapshot!(answers.0);
}

#[tokio::test]
async fn jobs_that_are_refused() {
    let api = Api::started().await;
    let mut answers = Answers::default();
    let agent = api.agent("an agent", "out").await;
    let gone = api.agent("one that goes", "out").await;
    api.delete(&format!("/api/v1/agents/{gone}")).await.expect(204);
    answers.call(&gone, "GONE");
    let job = |schedule: Value| json!({ "name": "j", "agent_id": agent, "schedule": schedule });
    for (what, schedule) in [
        ("no type", json!({ "cron": "* * * * *" })),
        ("an unknown type", json!({ "type": "moon" })),
        ("a text", json!("@daily")),
        ("cron with six wrong things", json!({ "type": "cron", "cron": "60 61 25 32 13 8" })),
        ("cron with two fields", json!({ "type": "cron", "cron": "* *" })),
        ("cron on a date that never is", json!({ "type": "cron", "cron": "0 0 30 2 *" })),
        ("cron without cron", json!({ "type": "cron" })),
        ("cron with words", json!({ "type": "cron", "cron": "every monday" })),
        ("an unknown zone", json!({ "type": "cron", "cron": "0 0 * * *", "timezone": "Europe/Berlim" })),
        ("a wrong cron in an unknown zone", json!({ "type": "cron", "cron": "x 0 * * *", "timezone": "Mars" })),
        ("members of another type", json!({ "type": "cron", "cron": "0 0 * * *", "every": 5, "at": "x" })),
        ("an interval of zero", json!({ "type": "interval", "every": 0 })),
        ("an interval of zero in words", json!({ "type": "interval", "every": "0s" })),
        ("an interval of less than nothing", json!({ "type": "interval", "every": -5 })),
        ("an interval of ages", json!({ "type": "interval", "every": "4000d" })),
        ("an interval without end", json!({ "type": "interval" })),
        ("once in the past", json!({ "type": "once", "at": "2020-01-01T00:00:00Z" })),
        ("once on a date that is not", json!({ "type": "once", "at": "2027-02-30T00:00:00Z" })),
        ("once without an offset", json!({ "type": "once", "at": "2027-02-03T00:00:00" })),
    ] {
        answers.note(what, &api.post("/api/v1/jobs", job(schedule)).await);
    }
    let preview = json!({ "schedule": { "type": "cron", "cron": "* * * * * * *" }, "count": 0 });
    answers.note("a preview of nonsense", &api.post("/api/v1/schedules/preview", preview).await);
    let fine = json!({ "type": "manual" });
    for (what, body) in [
        ("an agent that was removed", json!({ "name": "j", "agent_id": gone, "schedule": fine })),
        ("an agent whose id is none", json!({ "name": "j", "agent_id": "a", "schedule": fine })),
        (
            "unknown policies",
            json!({ "name": "j", "agent_id": agent, "schedule": fine, "overlap": "maybe", "misfire": "no" }),
        ),
        (
            "a retry out of range",
            json!({ "name": "j", "agent_id": agent, "schedule": fine,
            "retry": { "attempts": 0, "backoff": "2d", "backoff_max": "8d", "on": ["succeeded"] } }),
        ),
        (
            "a retry of nonsense",
            json!({ "name": "j", "agent_id": agent, "schedule": fine, "retry": { "backoff": "soon", "on": ["fine"] } }),
        ),
        ("an input that is a number", json!({ "name": "j", "agent_id": agent, "schedule": fine, "input": 1 })),
        ("a null name", json!({ "name": null, "agent_id": agent, "schedule": fine })),
    ] {
        answers.note(what, &api.post("/api/v1/jobs", body).await);
    }
    assert_eq!(api.get("/api/v1/jobs").await.expect(200)["items"], json!([]), "nothing may have been made");
    let there = id(&api.post("/api/v1/jobs", job(fine.clone())).await.expect(201));
    answers.call(&there, "JOB");
    answers.call(&agent, "AGENT");
    answers.note("a name that is taken", &api.post("/api/v1/jobs", job(fine)).await);
    answers.note("removing an agent with a job", &api.delete(&format!("/api/v1/agents/{agent}")).await);
    answers.note("a count out of range", &api.get(&format!("/api/v1/jobs/{there}/preview?count=201")).await);
    insta::assert_json_snapshot!(answers.0);
}

#[tokio::test]
async fn callers_that_are_refused() {
    let api = Api::empty().await;
    let mut answers = Answers::default();
    let account = |more: Value| {
        let mut body = json!({ "username": "ada", "password": PASSWORD });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    answers.note("the first account without a token", &api.post("/auth/register", account(json!({}))).await);
    let wrong = account(json!({ "setup_token": "0".repeat(64) }));
    answers.note("the first account with a wrong token", &api.post("/auth/register", wrong).await);
    let bad = json!({ "username": "", "password": "short", "email": "nobody" });
    answers.note("an account with three wrong things", &api.post("/auth/register", bad).await);
    answers.note("signing in where nobody is", &api.post("/auth/login", account(json!({}))).await);
    let viewer = api.as_new(Role::Viewer).await;
    answers.note("registering where it is closed", &api.post("/auth/register", account(json!({}))).await);
    let login = json!({ "username": "viewer", "password": "a wrong password" });
    answers.note("a wrong password", &api.post("/auth/login", login).await);
    let form = "username=viewer&password=a+wrong+password";
    answers.note(
        "a wrong password in a form",
        &api.raw("POST", "/auth/login", "application/x-www-form-urlencoded", form).await,
    );
    let grant = "grant_type=client_credentials&username=a&password=b";
    answers.note("another grant", &api.raw("POST", "/auth/login", "application/x-www-form-urlencoded", grant).await);
    answers
        .note("half a form", &api.raw("POST", "/auth/login", "application/x-www-form-urlencoded", "username=a").await);
    let nobody = api.get("/auth/me").await;
    assert_eq!(nobody.header("www-authenticate"), Some("Bearer realm=\"automa\""));
    answers.note("no token", &nobody);
    let new = json!({ "name": "a", "source": "out" });
    answers.note("too low a role", &viewer.post("/api/v1/scripts", new).await);
    insta::assert_json_snapshot!(answers.0);
}

#[tokio::test]
async fn faults_of_the_server() {
    let api = Api::started().await;
    let mut answers = Answers::default();
    let script = api.script("s", "out").await;
    let new = json!({ "name": "a", "source": "out" });
    api.fails.store(DISK_FULL, Ordering::SeqCst);
    answers.note("a full disk", &api.post("/api/v1/scripts", new.clone()).await);
    api.fails.store(BROKEN, Ordering::SeqCst);
    let broken = api.post("/api/v1/scripts", new.clone()).await;
    assert_eq!(broken.header("retry-after"), Some("1"));
    answers.note("a broken store", &broken);
    api.fails.store(BUSY, Ordering::SeqCst);
    let busy = api.post("/api/v1/scripts", new.clone()).await;
    assert_eq!(busy.header("retry-after"), Some("1"));
    answers.note("too much at once", &busy);
    api.fails.store(0, Ordering::SeqCst);
    api.sandbox.panics.store(true, Ordering::SeqCst);
    answers.note("a panic", &api.post("/api/v1/agents", json!({ "name": "a", "script_id": script })).await);
    api.post("/api/v1/scripts", new).await.expect(201);
    assert_eq!(api.get("/readyz").await.status, 200);
    api.automa.shutdown(Duration::from_secs(1)).await.unwrap();
    answers.note("readiness while shutting down", &api.get("/readyz").await);
    assert_eq!(api.get("/healthz").await.status, 200);
    insta::assert_json_snapshot!(answers.0);
}
