//! Lists in pages, single things with their `ETag`, and where new things are.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::api::{Api, id};

fn names(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn walking_a_list_by_its_cursors_gives_everything_once() {
    let api = Api::started().await;
    for number in 0..5 {
        api.script(&format!("s{number}"), "out").await;
    }
    for (order, wanted) in [("oldest", ["s0", "s1", "s2", "s3", "s4"]), ("newest", ["s4", "s3", "s2", "s1", "s0"])] {
        let mut found = Vec::new();
        let mut cursor = String::new();
        for page in 0.. {
            assert!(page < 4, "the list must end");
            let answer = api.get(&format!("/api/v1/scripts?limit=2&order={order}{cursor}")).await.expect(200);
            found.extend(names(&answer));
            match answer["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(found, wanted);
    }
    assert_eq!(names(&api.get("/api/v1/scripts").await.expect(200))[0], "s4", "the newest come first");
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let api = Api::started().await;
    let one = api.agent("one", "out").await;
    api.agent("two", "out").await;
    let script = api.get(&format!("/api/v1/agents/{one}")).await.expect(200)["script_id"].as_str().unwrap().to_owned();
    let page = api.get("/api/v1/scripts?limit=1").await.expect(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    let other = api.get(&format!("/api/v1/agents?script_id={script}&cursor={cursor}")).await.expect(422);
    assert_eq!(other["problems"][0]["field"], "cursor", "{other}");
}

#[tokio::test]
async fn lists_can_be_narrowed() {
    let api = Api::started().await;
    let (one, two) = (api.agent("one", "out").await, api.agent("two", "exit 1").await);
    let job = json!({ "name": "j", "agent_id": two, "schedule": { "type": "manual" } });
    let job = id(&api.post("/api/v1/jobs", job).await.expect(201));
    let mine = id(&api.bare("POST", &format!("/api/v1/agents/{one}/run")).await.expect(202));
    let theirs = id(&api.bare("POST", &format!("/api/v1/jobs/{job}/run")).await.expect(202));
    api.ended(&mine).await;
    api.ended(&theirs).await;
    let script = api.get(&format!("/api/v1/agents/{one}")).await.expect(200)["script_id"].as_str().unwrap().to_owned();
    assert_eq!(names(&api.get(&format!("/api/v1/agents?script_id={script}")).await.expect(200)), ["one"]);
    assert_eq!(names(&api.get(&format!("/api/v1/jobs?agent_id={two}")).await.expect(200)), ["j"]);
    assert_eq!(names(&api.get(&format!("/api/v1/jobs?agent_id={one}")).await.expect(200)), Vec::<String>::new());
    for (query, wanted) in [
        (format!("executions?agent_id={one}"), vec![&mine]),
        (format!("executions?job_id={job}"), vec![&theirs]),
        (format!("jobs/{job}/executions"), vec![&theirs]),
        (format!("jobs/{job}/executions?status=succeeded"), vec![]),
        ("executions?status=failed".to_owned(), vec![&theirs]),
        ("executions?order=oldest".to_owned(), vec![&mine, &theirs]),
    ] {
        let found = api.get(&format!("/api/v1/{query}")).await.expect(200);
        let found: Vec<_> = found["items"].as_array().unwrap().iter().map(id).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), wanted, "{query}");
    }
}

#[tokio::test]
async fn if_match_lets_only_the_one_through_who_has_seen_the_newest() {
    let api = Api::started().await;
    let script = api.script("s", "out 1").await;
    let path = format!("/api/v1/scripts/{script}");
    let seen = api.get(&path).await;
    assert_eq!(seen.header(header::ETAG), Some("\"1\""));
    let put = |name: &str| json!({ "name": name, "source": "out 2" });
    let first = api.json("PUT", &path, &put("first"), &[("if-match", "\"1\"")]).await;
    assert_eq!(first.header(header::ETAG), Some("\"2\""));
    let first = first.expect(200);
    assert_eq!((&first["name"], &first["latest_version"], &first["revision"]), (&json!("first"), &json!(2), &json!(2)));
    let second = api.json("PUT", &path, &put("second"), &[("if-match", "\"1\"")]).await.expect(412);
    assert_eq!(second["code"], "stale");
    assert_eq!(api.json("DELETE", &path, &Value::Null, &[("if-match", "\"1\"")]).await.expect(412)["code"], "stale");
    api.json("PUT", &path, &put("third"), &[("if-match", "*")]).await.expect(200);
    api.json("DELETE", &path, &Value::Null, &[("if-match", "\"3\"")]).await.expect(204);
    assert_eq!(api.get(&path).await.expect(404)["code"], "not_found");
}

#[tokio::test]
async fn a_version_keeps_what_was_uploaded() {
    let api = Api::started().await;
    let script = api.script("s", "out 1").await;
    let path = format!("/api/v1/scripts/{script}");
    let raw = api.raw("POST", &format!("{path}/upload"), "text/x-python; charset=utf-8", "\u{feff}out 2").await;
    assert_eq!(raw.header(header::LOCATION), Some(&*format!("{path}/versions/2")));
    assert_eq!(raw.expect(201)["latest_version"], 2);
    let form = "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../../etc/x.py\"\r\n\
                Content-Type: text/x-python\r\n\r\nout 3\r\n--X--\r\n";
    let form = api.raw("POST", &format!("{path}/upload"), "multipart/form-data; boundary=X", form).await.expect(201);
    assert_eq!(form["latest_version"], 3);
    for (number, source) in [(1, "out 1"), (2, "out 2"), (3, "out 3")] {
        let version = api.get(&format!("{path}/versions/{number}")).await.expect(200);
        assert_eq!((&version["source"], &version["size"]), (&json!(source), &json!(5)), "{version}");
    }
    let versions = api.get(&format!("{path}/versions?order=oldest")).await.expect(200);
    let numbers: Vec<_> = versions["items"].as_array().unwrap().iter().map(|it| it["number"].clone()).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert!(versions["items"][0].get("source").is_none(), "lists leave the sources out");
    assert_eq!(api.get(&format!("{path}/versions/4")).await.expect(404)["code"], "not_found");
}

#[tokio::test]
async fn what_an_agent_and_a_job_are_comes_back_and_can_be_sent_again() {
    let api = Api::started().await;
    let script = api.script("s", "out").await;
    let agent = json!({
        "name": "a", "description": "d", "script_id": script, "version": 1, "config": { "k": [1, null] }, "backend": "fake",
        "limits": { "memory": "64M", "wall_time": "1m30s", "output": 1000, "scratch": "1K", "files": 3, "processes": 4, "cpu_millis": 2000 },
        "permissions": { "network": "none", "environment": { "LANG": "C" } }, "restart": "on_failure",
    });
    let made = api.post("/api/v1/agents", agent.clone()).await;
    assert_eq!(made.header(header::ETAG), Some("\"1\""));
    let location = made.header(header::LOCATION).unwrap().to_owned();
    let made = made.expect(201);
    assert_eq!(location, format!("/api/v1/agents/{}", id(&made)));
    assert_eq!(made["limits"]["memory"], 64 << 20);
    assert_eq!(made["limits"]["wall_time"], 90.0);
    let job = json!({
        "name": "j", "agent_id": id(&made), "schedule": { "type": "cron", "cron": "30 2 * * *", "timezone": "europe/berlin" },
        "input": { "n": 1 }, "enabled": false, "overlap": "allow", "misfire": "skip",
        "retry": { "attempts": 2, "backoff": "5s", "backoff_max": 10.5, "on": ["failed"] },
    });
    let job = api.post("/api/v1/jobs", job).await.expect(201);
    assert_eq!(job["schedule"], json!({ "type": "cron", "cron": "30 2 * * *", "timezone": "Europe/Berlin" }));
    assert_eq!((&job["next_at"], &job["retry"]["backoff"]), (&Value::Null, &json!(5.0)));
    // What was answered, without what only the server says, is good input and changes nothing.
    for (path, thing, own) in [
        ("agents", &made, &["id", "owner_id", "started", "created_at", "updated_at", "revision"][..]),
        ("jobs", &job, &["id", "owner_id", "schedule_text", "next_at", "created_at", "updated_at", "revision"][..]),
    ] {
        let mut again = thing.clone();
        own.iter().for_each(|name| drop(again.as_object_mut().unwrap().remove(*name)));
        let back = api.put(&format!("/api/v1/{path}/{}", id(thing)), again.clone()).await.expect(200);
        let mut back_again = back.clone();
        own.iter().for_each(|name| drop(back_again.as_object_mut().unwrap().remove(*name)));
        assert_eq!(again, back_again);
        assert_eq!(back["revision"], 2);
    }
}

#[tokio::test]
async fn previews_say_what_comes_next() {
    let api = Api::started().await;
    let schedule = json!({ "type": "interval", "every": "1h30m", "anchor": "2999-01-01T00:00:00Z" });
    let body = json!({ "schedule": schedule, "count": 3 });
    let preview = api.post("/api/v1/schedules/preview", body).await.expect(200);
    assert_eq!(preview["instants"], json!(["2999-01-01T00:00:00Z", "2999-01-01T01:30:00Z", "2999-01-01T03:00:00Z"]));
    assert!(preview["description"].as_str().unwrap().starts_with("every 1 hour 30 minutes"), "{preview}");
    let agent = api.agent("a", "out").await;
    let job = json!({ "name": "j", "agent_id": agent, "enabled": false, "schedule": schedule });
    let job = id(&api.post("/api/v1/jobs", job).await.expect(201));
    let preview = api.get(&format!("/api/v1/jobs/{job}/preview?count=1")).await.expect(200);
    assert_eq!(preview["instants"], json!(["2999-01-01T00:00:00Z"]));
}

#[tokio::test]
async fn mounted_below_a_path_everything_still_leads_there() {
    let api = Api::started().await;
    let app = Router::new().nest("/automa", api.router.clone());
    let send = async |request: axum::http::request::Builder, body: Body| {
        app.clone().oneshot(request.body(body).unwrap()).await.unwrap()
    };
    let new = json!({ "name": "s", "source": "out" }).to_string();
    let request = Request::post("/automa/api/v1/scripts")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {}", api.token.as_ref().unwrap()));
    let made = send(request, Body::from(new)).await;
    let location = made.headers()[header::LOCATION].to_str().unwrap();
    assert!(location.starts_with("/automa/api/v1/scripts/"), "{location}");
    let docs = send(Request::get("/automa/docs"), Body::empty()).await;
    assert_eq!(docs.headers()[header::LOCATION], "/automa/docs/");
    let root = send(Request::get("/automa"), Body::empty()).await;
    assert_eq!(root.headers()[header::LOCATION], "/automa/docs/");
    let nothing = send(Request::get("/automa/nothing"), Body::empty()).await;
    assert_eq!(nothing.headers()[header::CONTENT_TYPE], "application/problem+json");
}
