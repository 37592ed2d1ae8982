//! Executions over HTTP, and their output in its three forms.

use axum::body::Body;
use axum::http::{Request, header};
use base64::Engine as _;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::api::{Api, id};

/// The events of a stream of server-sent events: name, id, data.
fn events(text: &str) -> Vec<(String, Option<u64>, Value)> {
    let blocks = text.split("\n\n").filter(|block| !block.trim().is_empty());
    let member = |block: &str, name: &str| {
        block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
    };
    blocks
        .filter(|block| member(block, "data").is_some())
        .map(|block| {
            let data = serde_json::from_str(&member(block, "data").unwrap()).unwrap();
            (member(block, "event").unwrap(), member(block, "id").map(|id| id.parse().unwrap()), data)
        })
        .collect()
}

async fn run(api: &Api, name: &str, source: &str, input: Value) -> String {
    let agent = api.agent(name, source).await;
    id(&api.post(&format!("/api/v1/agents/{agent}/run"), json!({ "input": input })).await.expect(202))
}

#[tokio::test]
async fn a_run_gets_its_input_and_gives_its_result() {
    let api = Api::started().await;
    let execution = run(&api, "a", "out hi\nerr oh", json!({ "n": 3 })).await;
    let ended = api.ended(&execution).await;
    assert_eq!((&ended["status"], &ended["exit_code"]), (&json!("succeeded"), &json!(0)));
    assert_eq!(
        (&ended["input"], &ended["result"], &ended["backend"]),
        (&json!({ "n": 3 }), &json!({ "n": 3 }), &json!("fake"))
    );
    let listed = api.get("/api/v1/executions").await.expect(200);
    assert!(listed["items"][0].get("result").is_none(), "lists leave inputs and results out");
}

#[tokio::test]
async fn output_comes_in_pages_with_bytes_that_are_no_text_kept() {
    let api = Api::started().await;
    let execution = run(&api, "a", "out one\nerr two\nbytes fffe00", json!({})).await;
    api.ended(&execution).await;
    let path = format!("/api/v1/executions/{execution}/logs");
    let (mut from, mut all) = (0, Vec::new());
    loop {
        let page = api.get(&format!("{path}?from={from}&bytes=1")).await.expect(200);
        all.extend(page["items"].as_array().unwrap().clone());
        from = page["next"].as_u64().unwrap();
        if page["complete"] == true {
            break;
        }
    }
    let of = |stream: &str| {
        let chunks = all.iter().filter(|chunk| chunk["stream"] == stream);
        let bytes = chunks.flat_map(|chunk| match chunk["base64"].as_str() {
            Some(text) => base64::engine::general_purpose::STANDARD.decode(text).unwrap(),
            None => chunk["text"].as_str().unwrap().as_bytes().to_vec(),
        });
        bytes.collect::<Vec<u8>>()
    };
    assert_eq!((of("stdout"), of("stderr")), (b"one\n\xff\xfe\0".to_vec(), b"two\n".to_vec()));
    assert_eq!(
        all.iter().map(|chunk| chunk["seq"].as_u64().unwrap()).collect::<Vec<_>>(),
        (0..from).collect::<Vec<_>>()
    );
    let text = api.get(&format!("{path}?format=text")).await;
    assert_eq!(text.bytes, b"one\ntwo\n\xff\xfe\0");
    assert_eq!(text.header(header::CONTENT_TYPE), Some("text/plain; charset=utf-8"));
    assert_eq!(text.header(header::X_CONTENT_TYPE_OPTIONS), Some("nosniff"));
    let by_header = Request::get(&path).header(header::ACCEPT, "text/plain").body(Body::empty()).unwrap();
    assert_eq!(api.send(by_header).await.bytes, text.bytes);
}

#[tokio::test]
async fn live_output_ends_with_how_it_ended_and_goes_on_where_it_was_cut() {
    let api = Api::started().await;
    let execution = run(&api, "a", "out one\npause 30\nerr two\npause 30\nout three\nexit 3", json!({})).await;
    let path = format!("/api/v1/executions/{execution}/logs?follow=true");
    let whole = api.get(&path).await;
    assert_eq!(whole.header(header::CONTENT_TYPE), Some("text/event-stream"));
    let whole = events(std::str::from_utf8(&whole.bytes).unwrap());
    let (end, logs) = whole.split_last().unwrap();
    assert_eq!((end.0.as_str(), &end.2["status"], &end.2["exit_code"]), ("end", &json!("failed"), &json!(3)));
    assert!(logs.iter().all(|(name, id, data)| name == "log" && *id == data["seq"].as_u64()));
    let text: String = logs.iter().map(|(_, _, data)| data["text"].as_str().unwrap()).collect();
    assert_eq!(text, "one\ntwo\nthree\n");
    let resumed = Request::get(&path).header("last-event-id", "0").body(Body::empty()).unwrap();
    let resumed = events(std::str::from_utf8(&api.send(resumed).await.bytes).unwrap());
    assert_eq!(resumed, whole[1..]);
    let rubbish = Request::get(&path).header("last-event-id", "x").body(Body::empty()).unwrap();
    assert_eq!(api.send(rubbish).await.expect(400)["problems"][0]["field"], "Last-Event-ID");
}

#[tokio::test]
async fn live_output_arrives_while_the_script_runs_and_stops_when_it_is_cancelled() {
    let api = Api::started().await;
    let execution = run(&api, "a", "out first\nwait", json!({})).await;
    let request = Request::get(format!("/api/v1/executions/{execution}/logs"))
        .header(header::ACCEPT, "text/event-stream")
        .header(header::AUTHORIZATION, format!("Bearer {}", api.token.as_ref().unwrap()));
    let response = api.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let mut stream = response.into_body().into_data_stream();
    let first = String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap();
    assert_eq!(events(&first)[0].2["text"], "first\n", "it comes while the script runs");
    let running = api.get(&format!("/api/v1/executions/{execution}")).await.expect(200);
    assert_eq!(running["status"], "running");
    let cancelled = api.bare("POST", &format!("/api/v1/executions/{execution}/cancel")).await.expect(200);
    assert_eq!(cancelled["cancel_requested"], true);
    let mut rest = String::new();
    while let Some(chunk) = stream.next().await {
        rest.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
    }
    assert_eq!(events(&rest).last().unwrap().2["status"], "cancelled");
}

#[tokio::test]
async fn live_output_stops_for_somebody_who_signs_out() {
    let api = Api::started().await;
    let lines = "out tick\npause 300\n".repeat(40);
    let execution = run(&api, "a", &lines, json!({})).await;
    let path = format!("/api/v1/executions/{execution}/logs?follow=true");
    let (reply, _) = tokio::join!(api.get(&path), async {
        api.until(&execution, |it| it["status"] == "running").await;
        api.bare("POST", "/auth/logout").await.expect(204);
    });
    let events = events(std::str::from_utf8(&reply.bytes).unwrap());
    let (name, _, data) = events.last().unwrap();
    assert_eq!((name.as_str(), &data["code"]), ("error", &json!("unauthenticated")));
    assert!(events.len() < 12, "it must not have gone on to the end: {} events", events.len());
}

#[tokio::test]
async fn an_agents_logs_are_those_of_its_newest_run() {
    let api = Api::started().await;
    let agent = api.agent("a", "out hello").await;
    let path = format!("/api/v1/agents/{agent}");
    let none = api.get(&format!("{path}/logs")).await.expect(200);
    assert_eq!(none, json!({ "execution_id": null, "items": [], "next": 0, "complete": true }));
    let status = api.get(&format!("{path}/status")).await.expect(200);
    assert_eq!((&status["state"], &status["last"]), (&json!("stopped"), &Value::Null));
    let execution = id(&api.bare("POST", &format!("{path}/start")).await.expect(202));
    api.ended(&execution).await;
    let page = api.get(&format!("{path}/logs")).await.expect(200);
    assert_eq!((&page["execution_id"], &page["items"][0]["text"]), (&json!(execution), &json!("hello\n")));
    let status = api.get(&format!("{path}/status")).await.expect(200);
    assert_eq!(
        (&status["state"], &status["started"], &status["last"]["id"]),
        (&json!("stopped"), &json!(false), &json!(execution))
    );
}
