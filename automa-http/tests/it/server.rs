//! The whole path through the real program: set-up, a script on a schedule in the real sandbox, its output, the end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::support::process::{Client, Server};

const SOURCE: &str = "import automa, csv, io, statistics\n\
    def main(numbers):\n    \
        rows = csv.writer(io.StringIO())\n    \
        print('mean', statistics.mean(numbers))\n    \
        return {'mean': statistics.mean(numbers), 'factor': automa.config['factor']}\n";

/// Makes a script and an agent of it; the agent's id.
fn agent(client: &Client, name: &str, source: &str) -> String {
    let script = client.post("/api/v1/scripts", &json!({ "name": name, "source": source })).expect(201);
    let agent = json!({ "name": name, "script_id": script["id"], "config": { "factor": 3 } });
    client.post("/api/v1/agents", &agent).expect(201)["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_script_runs_every_second_and_its_output_is_at_hand() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data"), &[]);
    let client = server.set_up();
    assert_eq!(client.get("/readyz").expect(200)["status"], "ok");
    let agent = agent(&client, "report", SOURCE);
    let job = json!({
        "name": "each second", "agent_id": agent, "input": { "numbers": [1, 2, 6] }, "overlap": "allow",
        "schedule": { "type": "cron", "cron": "* * * * * *", "timezone": "Europe/Berlin" },
    });
    let job = client.post("/api/v1/jobs", &job).expect(201)["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/jobs/{job}/executions?status=succeeded&order=oldest");
    let runs = client.until(&path, Duration::from_secs(15), |page| page["items"].as_array().unwrap().len() >= 2);
    let ids: Vec<_> =
        runs["items"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect();
    let run = client.get(&format!("/api/v1/executions/{}", ids[0])).expect(200);
    assert_eq!(run["result"], json!({ "mean": 3, "factor": 3 }));
    assert_eq!((&run["backend"], &run["origin"], &run["attempt"]), (&json!("wasm"), &json!("schedule"), &json!(1)));
    let log = client.get(&format!("/api/v1/executions/{}/logs?format=text", ids[0]));
    assert_eq!(log.text, "mean 3\n");
    let instants: Vec<_> = runs["items"].as_array().unwrap().iter().map(|it| it["scheduled_at"].to_string()).collect();
    assert_ne!(instants[0], instants[1]);
}

#[test]
fn a_body_that_is_announced_as_too_large_is_refused_before_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data"), &[]);
    let address = server.client().base.trim_start_matches("http://").to_owned();
    for more in ["", "Expect: 100-continue\r\n"] {
        let mut stream = TcpStream::connect(&address).unwrap();
        // Less than the server waits for a body: an answer by then did not wait for it.
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head =
            "POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n";
        stream.write_all(format!("{head}{more}\r\n").as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 413 "), "{more}{line}");
    }
}

#[test]
fn a_source_that_does_not_compile_is_refused_by_python_itself() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data"), &[]);
    let client = server.set_up();
    let refused = client.post("/api/v1/scripts", &json!({ "name": "s", "source": "print(1)\ndef f(:\n" })).expect(422);
    assert_eq!(refused["problems"][0]["field"], "source");
    let message = refused["problems"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("does not compile: ") && message.contains("line 2"), "{message}");
}

#[test]
fn live_output_comes_while_the_script_prints() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data"), &[]);
    let client = server.set_up();
    let agent =
        agent(&client, "slow", "import time\nfor n in range(4):\n    print(n, flush=True)\n    time.sleep(0.25)\n");
    let run = client.post(&format!("/api/v1/agents/{agent}/run"), &json!({})).expect(202);
    let id = run["id"].as_str().unwrap();
    // By hand, to see when each byte comes.
    let host = client.base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let token = &client.token;
    write!(
        stream,
        "GET /api/v1/executions/{id}/logs?follow=true HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n"
    )
    .unwrap();
    let (mut first, mut last) = (None, None);
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap();
        if line.starts_with("event: log") {
            first.get_or_insert_with(Instant::now);
        }
        if line.starts_with("event: end") {
            last = Some(Instant::now());
        }
        if last.is_some() && line.starts_with("data: ") {
            assert!(line.contains("\"succeeded\""), "{line}");
            break;
        }
    }
    let apart = last.unwrap() - first.unwrap();
    assert!(apart > Duration::from_millis(600), "the first line came only {apart:?} before the end");
}

#[test]
fn a_server_that_is_told_to_end_lets_what_runs_finish() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data, &["--grace", "20s"]);
    let client = server.set_up();
    let agent = agent(&client, "slow", "import time\nprint('up', flush=True)\ntime.sleep(1.5)\nprint('done')\n");
    let run = client.post(&format!("/api/v1/agents/{agent}/run"), &json!({})).expect(202);
    let path = format!("/api/v1/executions/{}", run["id"].as_str().unwrap());
    client.until(&path, Duration::from_secs(10), |it| it["status"] == "running");
    // Live output that nobody ends does not hold up the end.
    let host = client.base.trim_start_matches("http://").to_owned();
    let mut live = TcpStream::connect(&host).unwrap();
    write!(live, "GET {path}/logs?follow=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", client.token)
        .unwrap();
    live.read_exact(&mut [0; 12]).unwrap();
    let began = Instant::now();
    server.signal(Signal::TERM);
    let (status, said) = server.wait();
    assert_eq!(status.code(), Some(0), "{said:?}");
    assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
    assert_eq!(said.last().unwrap(), "stopped");
    let server = Server::start(&data, &[]);
    let client = client.at(&server);
    let run = client.get(&path).expect(200);
    assert_eq!(
        (&run["status"], &run["attempt"]),
        (&json!("succeeded"), &json!(1)),
        "the token holds over a restart, too"
    );
}

#[test]
fn what_does_not_finish_in_time_is_lost_and_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data, &["--grace", "100ms"]);
    let client = server.set_up();
    let agent = agent(&client, "sleepy", "import time, os\nif os.environ['AUTOMA_ATTEMPT'] == '1': time.sleep(600)\n");
    let run = client.post(&format!("/api/v1/agents/{agent}/run"), &json!({})).expect(202);
    let path = format!("/api/v1/executions/{}", run["id"].as_str().unwrap());
    client.until(&path, Duration::from_secs(10), |it| it["status"] == "running");
    server.signal(Signal::INT);
    assert_eq!(server.wait().0.code(), Some(0));
    let server = Server::start(&data, &[]);
    let client = client.at(&server);
    assert_eq!(client.get(&path).expect(200)["status"], "lost");
    let all = format!("/api/v1/executions?agent_id={agent}");
    let page = client.until(&all, Duration::from_secs(10), |page| page["items"][0]["status"] == "succeeded");
    assert_eq!((&page["items"][0]["attempt"], &page["items"][0]["first_attempt_id"]), (&json!(2), &run["id"]));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data"), &["--grace", "5m"]);
    let client = server.set_up();
    let agent = agent(&client, "sleepy", "import time\ntime.sleep(600)\n");
    let run = client.post(&format!("/api/v1/agents/{agent}/run"), &json!({})).expect(202);
    let path = format!("/api/v1/executions/{}", run["id"].as_str().unwrap());
    client.until(&path, Duration::from_secs(10), |it| it["status"] == "running");
    server.signal(Signal::TERM);
    // Once it takes no connection any more, it has heard the first one.
    while TcpStream::connect(client.base.trim_start_matches("http://")).is_ok() {
        std::thread::sleep(Duration::from_millis(10));
    }
    server.signal(Signal::TERM);
    assert_eq!(server.wait().0.code(), Some(143));
}

#[test]
fn the_demonstration_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data, &["--demo"]);
    let client = server.set_up();
    let jobs = client.all("/api/v1/jobs");
    assert_eq!(jobs[0]["name"], "demo-every-minute");
    let run = client.post(&format!("/api/v1/jobs/{}/run", jobs[0]["id"].as_str().unwrap()), &json!({})).expect(202);
    let path = format!("/api/v1/executions/{}", run["id"].as_str().unwrap());
    let run = client.until(&path, Duration::from_secs(20), |it| !it["ended_at"].is_null());
    assert_eq!((&run["status"], &run["result"]["primes"]), (&json!("succeeded"), &json!(9_592)), "{run}");
    drop(server);
    let server = Server::start(&data, &["--demo"]);
    let client = client.at(&server);
    assert_eq!(client.all("/api/v1/jobs").len(), 1);
}

#[test]
fn what_is_kept_in_memory_is_kept_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = crate::support::process::automa();
    command.current_dir(folder.path()).env("DATABASE_URL", "memory://").args(["serve", "--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = lines.find_map(|line| line.ok().filter(|line| line.contains("data  "))).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said.contains("in memory"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
