//! `kill -9` at any moment, fifty times over: what was acknowledged is there, what ran is lost and tried again.
//!
//! `AUTOMA_TEST_CRASHES=1000 cargo test -p automa-http crash` does it a thousand times; `AUTOMA_TEST_SEED` repeats a run.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use automa_core::audit::AuditSeq;
use automa_core::id::Kind;
use automa_core::{Automa, Principal};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::support::process::{Client, Server};

/// How often the server is killed. `AUTOMA_TEST_CRASHES` asks for more.
const ROUNDS: u32 = 50;
/// How many clients write at the same time.
const CLIENTS: u64 = 4;

/// What a server has promised by its answers.
#[derive(Default)]
struct Promised {
    /// Paths of things that are there, with the name that they have.
    there: BTreeMap<String, String>,
    /// Paths of things that were removed.
    gone: BTreeSet<String>,
    /// Executions that were queued.
    executions: BTreeSet<String>,
    /// Things of which the last change was sent and not answered: they may be either way.
    unsure: BTreeSet<String>,
}

#[test]
fn nothing_acknowledged_is_lost_however_often_the_server_is_killed() {
    let seed =
        std::env::var("AUTOMA_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(rand::random::<u64>);
    let rounds = std::env::var("AUTOMA_TEST_CRASHES").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    println!("AUTOMA_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut promised = Promised::default();
    let (agent, job, client) = prepare(&data);
    let mut slowest = Duration::ZERO;
    for round in 0..rounds {
        verify_audit(&data, round);
        let server = Server::start(&data, &[]);
        slowest = slowest.max(server.ready_after);
        let client = client.at(&server);
        check(&client, &promised, round);
        promised = drive(server, &client, &agent, promised, &mut random, round);
    }
    verify_audit(&data, rounds);
    let server = Server::start(&data, &[]);
    let client = client.at(&server);
    check(&client, &promised, rounds);
    settle(&client, &job);
    let executions = client.all("/api/v1/executions");
    check_attempts(&executions);
    drop(server);
    check_endings(&data, &executions);
    let lost = executions.iter().filter(|it| it["status"] == "lost").count();
    println!(
        "{rounds} kills, {} things, {} executions, {lost} of them lost; slowest start {slowest:?}",
        promised.there.len(),
        executions.len()
    );
    assert!(lost > 0, "no execution was running at any kill: the test proves nothing");
    assert!(promised.there.len() > 50, "hardly anything was written: the test proves nothing");
}

/// An account, an agent that takes a moment, and a job each second.
fn prepare(data: &Path) -> (String, String, Client) {
    let server = Server::start(data, &["--session", "2h"]);
    let client = server.set_up();
    let source = "import time\nprint('up', flush=True)\ntime.sleep(0.15)\nprint('done')\n";
    let script = client.post("/api/v1/scripts", &json!({ "name": "worker", "source": source })).expect(201);
    let agent = client.post("/api/v1/agents", &json!({ "name": "worker", "script_id": script["id"] })).expect(201);
    let agent = agent["id"].as_str().unwrap().to_owned();
    let schedule = json!({ "type": "cron", "cron": "* * * * * *" });
    let retry = json!({ "attempts": 3, "backoff": 0 });
    let job =
        json!({ "name": "each second", "agent_id": agent, "schedule": schedule, "overlap": "allow", "retry": retry });
    let job = client.post("/api/v1/jobs", &job).expect(201)["id"].as_str().unwrap().to_owned();
    server.kill();
    (agent, job, client)
}

/// Writes from several clients until the server is killed, at a moment that nobody knows beforehand.
fn drive(
    server: Server,
    client: &Client,
    agent: &str,
    promised: Promised,
    random: &mut StdRng,
    round: u32,
) -> Promised {
    let promised = Mutex::new(promised);
    let lifetime = Duration::from_millis(random.random_range(20..450));
    let seeds: Vec<u64> = (0..CLIENTS).map(|_| random.random()).collect();
    thread::scope(|scope| {
        for (number, seed) in seeds.into_iter().enumerate() {
            let promised = &promised;
            scope.spawn(move || {
                write(client, agent, promised, StdRng::seed_from_u64(seed), &format!("{round}-{number}"))
            });
        }
        thread::sleep(lifetime);
        server.kill();
    });
    promised.into_inner().unwrap()
}

/// One client: makes, changes, removes and runs things, and notes what was answered.
fn write(client: &Client, agent: &str, promised: &Mutex<Promised>, mut random: StdRng, name: &str) {
    let mut mine: Vec<String> = Vec::new();
    for count in 0.. {
        let thing = format!("{name}-{count}");
        let answered = match random.random_range(0..10) {
            0..4 => {
                let script = json!({ "name": thing, "source": format!("print({count})") });
                let Some(answer) = client.try_send("POST", "/api/v1/scripts", Some(&script)) else { return };
                let path = format!("/api/v1/scripts/{}", answer.expect(201)["id"].as_str().unwrap());
                promised.lock().unwrap().there.insert(path.clone(), thing);
                mine.push(path);
                true
            }
            4..7 => {
                let Some(answer) = client.try_send("POST", &format!("/api/v1/agents/{agent}/run"), Some(&json!({})))
                else {
                    return;
                };
                let id = answer.expect(202)["id"].as_str().unwrap().to_owned();
                promised.lock().unwrap().executions.insert(id)
            }
            7..9 if !mine.is_empty() => {
                let path = mine[random.random_range(0..mine.len())].clone();
                promised.lock().unwrap().unsure.insert(path.clone());
                let renamed = json!({ "name": thing, "source": format!("print('again', {count})") });
                let Some(answer) = client.try_send("PUT", &path, Some(&renamed)) else { return };
                answer.expect(200);
                let mut promised = promised.lock().unwrap();
                promised.unsure.remove(&path);
                promised.there.insert(path, thing);
                true
            }
            9 if !mine.is_empty() => {
                let path = mine.swap_remove(random.random_range(0..mine.len()));
                promised.lock().unwrap().unsure.insert(path.clone());
                let Some(answer) = client.try_send("DELETE", &path, None) else { return };
                answer.expect(204);
                let mut promised = promised.lock().unwrap();
                promised.unsure.remove(&path);
                promised.there.remove(&path);
                promised.gone.insert(path)
            }
            _ => true,
        };
        assert!(answered, "an execution or a removal was acknowledged twice");
    }
}

/// Everything that was acknowledged is there.
fn check(client: &Client, promised: &Promised, round: u32) {
    let scripts: HashMap<_, _> = client
        .all("/api/v1/scripts")
        .into_iter()
        .map(|it| (format!("/api/v1/scripts/{}", it["id"].as_str().unwrap()), it["name"].as_str().unwrap().to_owned()))
        .collect();
    for (path, name) in promised.there.iter().filter(|(path, _)| !promised.unsure.contains(*path)) {
        assert_eq!(scripts.get(path), Some(name), "round {round}: {path}");
    }
    for path in &promised.gone {
        assert!(!scripts.contains_key(path), "round {round}: {path} came back");
    }
    let executions: BTreeSet<_> =
        client.all("/api/v1/executions").iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect();
    let missing: Vec<_> = promised.executions.difference(&executions).collect();
    assert!(missing.is_empty(), "round {round}: executions that were acknowledged and are not there: {missing:?}");
    // The newest version of what was changed last can be read, whole.
    if let Some((path, _)) = promised.there.iter().next_back().filter(|(path, _)| !promised.unsure.contains(*path)) {
        let latest = client.get(path).expect(200)["latest_version"].as_u64().unwrap();
        let source = client.get(&format!("{path}/versions/{latest}")).expect(200)["source"].clone();
        assert!(source.as_str().unwrap().starts_with("print("), "round {round}: {source}");
    }
}

/// Stops the job and waits until nothing is queued or runs.
fn settle(client: &Client, job: &str) {
    let path = format!("/api/v1/jobs/{job}");
    assert_eq!(client.try_send("DELETE", &path, None).unwrap().status, 204);
    let began = Instant::now();
    for status in ["queued", "running"] {
        while !client.get(&format!("/api/v1/executions?status={status}&limit=1")).expect(200)["items"]
            .as_array()
            .unwrap()
            .is_empty()
        {
            assert!(began.elapsed() < Duration::from_secs(120), "executions are still {status}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// One execution per planned instant, and one next attempt for each that was lost while it had attempts left.
fn check_attempts(executions: &[Value]) {
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    let mut planned = BTreeSet::new();
    let mut attempts: BTreeMap<String, BTreeMap<u64, &str>> = BTreeMap::new();
    for it in executions {
        let attempt = it["attempt"].as_u64().unwrap();
        if let (Some(job), Some(at)) = (it["job_id"].as_str(), it["scheduled_at"].as_str()) {
            assert!(planned.insert((job.to_owned(), at.to_owned(), attempt)), "{at} ran twice");
        }
        let status = it["status"].as_str().unwrap();
        let before = attempts.entry(text(&it["first_attempt_id"])).or_default().insert(attempt, status);
        assert_eq!(before, None, "attempt {attempt} of {} was made twice", it["first_attempt_id"]);
    }
    for (first, attempts) in attempts {
        let last = u64::try_from(attempts.len()).unwrap();
        assert!(attempts.keys().copied().eq(1..=last), "{first}: {attempts:?}");
        for (attempt, status) in &attempts {
            let retried = *status == "lost" && *attempt < 3;
            assert_eq!(retried, *attempt < last, "{first}: attempt {attempt} ended as {status}: {attempts:?}");
        }
    }
}

/// Exactly one ending each, by the audit log.
fn check_endings(data: &Path, executions: &[Value]) {
    let mut endings: HashMap<String, u32> = HashMap::new();
    on_folder(data, async |automa| {
        let owner = automa.acting_as(Principal::owner("test"));
        let mut after = AuditSeq(0);
        loop {
            let events = owner.audit_events(None, after, 500).await.unwrap();
            let Some(last) = events.last() else { return };
            after = last.seq;
            let ends = |action: &str| ["execution.end", "execution.lose"].contains(&action);
            for event in events.iter().filter(|it| it.event.target.kind == Kind::Execution && ends(&it.event.action)) {
                *endings.entry(event.event.target.id.clone()).or_default() += 1;
            }
        }
    });
    for it in executions {
        let id = it["id"].as_str().unwrap();
        assert_eq!(endings.get(id), Some(&1), "{it}");
    }
}

fn verify_audit(data: &Path, round: u32) {
    on_folder(data, async |automa| {
        let found = automa.acting_as(Principal::owner("test")).verify_audit().await.unwrap();
        assert_eq!(found.damage, None, "round {round}");
    });
}

/// Does something with the engine on the folder, while no server has it.
fn on_folder(data: &Path, work: impl AsyncFnOnce(&Automa)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let automa = Automa::open(data).await.unwrap();
        work(&automa).await;
    });
}
