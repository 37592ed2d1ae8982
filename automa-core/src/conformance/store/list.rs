//! Promises about lists: what is on them, in which order, and that pages walk them once.

use std::sync::Arc;

use jiff::SignedDuration;

use crate::conformance::given::{self, at, at_nano};
use crate::error::Error;
use crate::execution::{Execution, Status};
use crate::id::{AgentId, JobId, ScriptId, UserId};
use crate::job::Job;
use crate::store::{Batch, Cursor, Entity, Key, Order, Page, PageRequest, Query, Scope, Store, StoreExt as _};

async fn keys(store: &dyn Store, query: Query) -> Vec<Key> {
    given::walk(store, &query, PageRequest::first(3)).await.iter().map(Entity::key).collect()
}

/// Each query gives its records and no other's, each once.
pub async fn each_list_holds_what_matches(store: Arc<dyn Store>) {
    let store = &*store;
    let (ada, bob) = (given::user("ada"), given::user("bob"));
    let logins = [given::session(ada.id), given::session(bob.id), given::session(ada.id)];
    let scripts = [given::script("one"), given::script("two")];
    let agents = [given::agent("a", scripts[0].id), given::agent("b", scripts[1].id), given::agent("c", scripts[0].id)];
    let jobs = [
        given::job("x", agents[0].id, Some(at(30))),
        given::job("y", agents[1].id, Some(at(20))),
        given::job("z", agents[0].id, None),
    ];
    let mut batch = Batch::new().insert(ada.clone()).insert(bob.clone());
    for login in &logins {
        batch = batch.insert(login.clone());
    }
    for script in &scripts {
        batch = batch
            .insert(script.clone())
            .insert(given::version(script.id, 1, "1"))
            .insert(given::version(script.id, 2, "2"));
    }
    for agent in &agents {
        batch = batch.insert(agent.clone());
    }
    for job in &jobs {
        batch = batch.insert(job.clone());
    }
    store.commit(batch).await.unwrap();

    assert_eq!(keys(store, Query::Users).await, [Key::User(ada.id), Key::User(bob.id)]);
    assert_eq!(keys(store, Query::Sessions(ada.id)).await, [Key::Session(logins[0].id), Key::Session(logins[2].id)]);
    assert_eq!(keys(store, Query::Sessions(UserId::new())).await, []);
    assert_eq!(keys(store, Query::Scripts).await, scripts.each_ref().map(|it| Key::Script(it.id)));
    let versions = [1, 2].map(|number| Key::Version(scripts[1].id, crate::script::VersionNumber(number)));
    assert_eq!(keys(store, Query::Versions(scripts[1].id)).await, versions);
    assert_eq!(keys(store, Query::Agents(None)).await, agents.each_ref().map(|it| Key::Agent(it.id)));
    let of_script = [Key::Agent(agents[0].id), Key::Agent(agents[2].id)];
    assert_eq!(keys(store, Query::Agents(Some(scripts[0].id))).await, of_script);
    assert_eq!(keys(store, Query::Jobs(None)).await, jobs.each_ref().map(|it| Key::Job(it.id)));
    let of_agent = [Key::Job(jobs[0].id), Key::Job(jobs[2].id)];
    assert_eq!(keys(store, Query::Jobs(Some(agents[0].id))).await, of_agent);
    assert_eq!(keys(store, Query::DueJobs(at(1_000))).await, [Key::Job(jobs[1].id), Key::Job(jobs[0].id)]);
    executions_match(store, agents.map(|it| it.id)).await;
}

/// The same for executions: every scope with every status.
async fn executions_match(store: &dyn Store, agents: [AgentId; 3]) {
    let job = JobId::new();
    let mut made: Vec<Execution> = Vec::new();
    for (round, agent) in [agents[0], agents[1], agents[0], agents[1]].into_iter().enumerate() {
        let round = round as i64;
        made.push(given::queued(agent, None, at(round)));
        made.push(given::queued(agent, Some(job), at(100 + round)));
        let mut running = given::queued(agent, Some(job), at(200 + round));
        running.claim("worker", at(300), at(400)).unwrap();
        made.push(running.clone());
        let mut done = given::queued(agent, None, at(round));
        let fence = done.claim("worker", at(300), at(400)).unwrap();
        done.finish(fence, given::outcome(0), None, at(301)).unwrap();
        made.push(done);
    }
    for execution in &made {
        store.commit(Batch::new().insert(execution.clone())).await.unwrap();
    }
    let statuses = [None].into_iter().chain(Status::ALL.iter().copied().map(Some));
    for status in statuses {
        for scope in
            [Scope::All, Scope::Agent(agents[0]), Scope::Agent(agents[2]), Scope::Job(job), Scope::Job(JobId::new())]
        {
            let matches = |it: &&Execution| {
                let of_scope = match scope {
                    Scope::All => true,
                    Scope::Agent(agent) => it.spec.agent == agent,
                    Scope::Job(job) => it.spec.job == Some(job),
                };
                of_scope && status.is_none_or(|status| it.status() == status)
            };
            let expected: Vec<Key> = made.iter().filter(matches).map(|it| Key::Execution(it.id)).collect();
            assert_eq!(keys(store, Query::Executions(scope, status)).await, expected, "{scope:?} {status:?}");
        }
    }
}

/// The order of their ids, in whatever order they were written; versions by number.
pub async fn lists_are_ordered_by_age(store: Arc<dyn Store>) {
    let mut scripts: Vec<_> = (0..20).map(|at| given::script(&format!("script {at}"))).collect();
    scripts.reverse();
    scripts.swap(3, 12);
    for script in &scripts {
        store.commit(Batch::new().insert(script.clone())).await.unwrap();
    }
    scripts.sort_by_key(|it| it.id);
    let expected: Vec<Key> = scripts.iter().map(|it| Key::Script(it.id)).collect();
    assert_eq!(keys(&*store, Query::Scripts).await, expected);
    let script = scripts[0].id;
    for number in [300, 2, 70_000, 1, 255, 256] {
        store.commit(Batch::new().insert(given::version(script, number, "1"))).await.unwrap();
    }
    let expected =
        [1, 2, 255, 256, 300, 70_000].map(|number| Key::Version(script, crate::script::VersionNumber(number)));
    assert_eq!(keys(&*store, Query::Versions(script)).await, expected);
}

/// Up to and including the instant asked for, to the nanosecond, also before 1970.
pub async fn lists_by_instant_are_ordered_by_it(store: Arc<dyn Store>) {
    let instants = [
        at(0),
        at_nano(0, 1),
        at_nano(-1, 999_999_999),
        at(-2_000_000_000),
        at_nano(-2_000_000_000, 500),
        at(5_000_000_000),
    ];
    let mut jobs = Vec::new();
    for instant in [5, 2, 0, 4, 1, 3].map(|place: usize| instants[place]) {
        let job = given::job(&given::fresh_name("job"), AgentId::new(), Some(instant));
        let execution = given::queued(AgentId::new(), None, instant);
        store.commit(Batch::new().insert(job.clone()).insert(execution)).await.unwrap();
        jobs.push((instant, Key::Job(job.id)));
    }
    jobs.sort_by_key(|(instant, _)| *instant);
    for now in
        instants.into_iter().flat_map(|it| [it - SignedDuration::from_nanos(1), it, it + SignedDuration::from_nanos(1)])
    {
        let expected: Vec<Key> = jobs.iter().filter(|(instant, _)| *instant <= now).map(|(_, key)| *key).collect();
        assert_eq!(keys(&*store, Query::DueJobs(now)).await, expected, "due at {now}");
        let queued = given::walk(&*store, &Query::Queue(now), PageRequest::first(4)).await;
        assert_eq!(queued.len(), expected.len(), "queued at {now}");
        let times = queued.iter().map(|it| match it {
            Entity::Execution(it) => it.available_at(),
            other => panic!("the queue holds {other:?}"),
        });
        assert!(times.is_sorted());
    }
}

/// A record that changes leaves the lists that it matches no more, and joins those that it matches now.
pub async fn lists_follow_updates(store: Arc<dyn Store>) {
    let store = &*store;
    let (old, new) = (ScriptId::new(), ScriptId::new());
    let agent = given::agent("moves", old);
    let job = given::job("moves", agent.id, Some(at(10)));
    store.commit(Batch::new().insert(agent.clone()).insert(job.clone())).await.unwrap();
    let mut read: crate::agent::Agent = store.require(agent.id).await.unwrap();
    read.script = new;
    store.commit(Batch::new().update(read)).await.unwrap();
    assert_eq!(keys(store, Query::Agents(Some(old))).await, []);
    assert_eq!(keys(store, Query::Agents(Some(new))).await, [Key::Agent(agent.id)]);
    for (next_at, due_at_10, due_at_20) in [(Some(at(15)), 0, 1), (None, 0, 0), (Some(at(9)), 1, 1)] {
        let mut read: Job = store.require(job.id).await.unwrap();
        read.next_at = next_at;
        store.commit(Batch::new().update(read)).await.unwrap();
        assert_eq!(keys(store, Query::DueJobs(at(10))).await.len(), due_at_10);
        assert_eq!(keys(store, Query::DueJobs(at(20))).await.len(), due_at_20);
    }
    store.commit(Batch::new().delete(Key::Job(job.id), None).delete(Key::Agent(agent.id), None)).await.unwrap();
    for query in [Query::DueJobs(at(100)), Query::Jobs(None), Query::Jobs(Some(agent.id)), Query::Agents(Some(new))] {
        assert_eq!(keys(store, query).await, []);
    }
}

/// Everything that was there throughout comes once, whatever is added and removed meanwhile.
pub async fn pages_walk_the_whole_list_once(store: Arc<dyn Store>) {
    let script = ScriptId::new();
    let mut stays = Vec::new();
    let mut goes = Vec::new();
    for place in 0..60 {
        let agent = given::agent(&given::fresh_name("agent"), script);
        store.commit(Batch::new().insert(agent.clone())).await.unwrap();
        if place % 3 == 0 { goes.push(agent.id) } else { stays.push(Key::Agent(agent.id)) }
    }
    let busy = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for gone in goes {
                let come = given::agent(&given::fresh_name("agent"), script);
                store.commit(Batch::new().delete(Key::Agent(gone), None).insert(come)).await.unwrap();
            }
        }
    });
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let first = PageRequest { order, ..PageRequest::first(7) };
        let mut walked: Vec<Key> =
            given::walk(&*store, &Query::Agents(Some(script)), first).await.iter().map(Entity::key).collect();
        walked.retain(|key| stays.contains(key));
        if order == Order::NewestFirst {
            walked.reverse();
        }
        assert_eq!(walked, stays);
    }
    busy.await.unwrap();
}

/// For every query, with every page size.
pub async fn newest_first_is_the_reverse(store: Arc<dyn Store>) {
    let (script, agent) = (ScriptId::new(), AgentId::new());
    for place in 0..5_u32 {
        let job = given::job(&given::fresh_name("job"), agent, Some(at(i64::from(place % 2))));
        let execution = given::queued(agent, Some(job.id), at(i64::from(place % 3)));
        let batch = Batch::new().insert(job).insert(execution).insert(given::version(script, place + 1, "1"));
        store.commit(batch.insert(given::agent(&given::fresh_name("agent"), script))).await.unwrap();
    }
    let queries = [
        Query::Versions(script),
        Query::Agents(None),
        Query::Agents(Some(script)),
        Query::Jobs(Some(agent)),
        Query::DueJobs(at(1)),
        Query::Queue(at(2)),
        Query::Executions(Scope::All, None),
        Query::Executions(Scope::Agent(agent), Some(Status::Queued)),
    ];
    for query in queries {
        for limit in [1, 2, 5, 6] {
            let forwards = given::walk(&*store, &query, PageRequest::first(limit)).await;
            let mut backwards = given::walk(&*store, &query, PageRequest::newest(limit)).await;
            backwards.reverse();
            assert_eq!(forwards.len(), 5);
            assert_eq!(forwards, backwards, "{query:?} by {limit}");
        }
    }
}

/// No more than asked for, never more than 200; the last page says that it is the last.
pub async fn a_page_has_at_most_its_limit(store: Arc<dyn Store>) {
    let script = ScriptId::new();
    let mut batch = Batch::new();
    for number in 1..=201 {
        batch = batch.insert(given::version(script, number, "1"));
    }
    store.commit(batch).await.unwrap();
    let page = async |request: PageRequest| -> (usize, Option<Cursor>) {
        let Page { items, next } = store.list(&Query::Versions(script), &request).await.unwrap();
        (items.len(), next)
    };
    let (count, next) = page(PageRequest::first(10_000)).await;
    assert_eq!(count, PageRequest::LIMIT_MAX);
    let (count, next) = page(PageRequest::first(1).after(next)).await;
    assert_eq!((count, next), (1, None));
    let (count, next) = page(PageRequest::newest(1)).await;
    assert_eq!((count, next.is_some()), (1, true));
    store.commit(Batch::new().delete(Key::Version(script, crate::script::VersionNumber(201)), None)).await.unwrap();
    let (count, next) = page(PageRequest::first(200)).await;
    assert_eq!((count, next), (200, None));
}

/// It is `Invalid` for `cursor`; so are bytes that no query gave. A cursor survives being written and read as text.
pub async fn a_cursor_of_another_list_is_refused(store: Arc<dyn Store>) {
    let (script, agent) = (ScriptId::new(), AgentId::new());
    for _ in 0..3 {
        let batch = Batch::new().insert(given::agent(&given::fresh_name("agent"), script));
        store.commit(batch.insert(given::queued(agent, None, at(1)))).await.unwrap();
    }
    let given = |page: Page<Entity>| page.next.unwrap();
    let agents = given(store.list(&Query::Agents(Some(script)), &PageRequest::first(1)).await.unwrap());
    let queue = given(store.list(&Query::Queue(at(1)), &PageRequest::first(1)).await.unwrap());
    let as_text: Cursor = agents.to_string().parse().unwrap();
    assert_eq!(as_text, agents);
    let good = PageRequest::first(9).after(Some(as_text));
    assert_eq!(store.list(&Query::Agents(Some(script)), &good).await.unwrap().items.len(), 2);
    // The instant may move on while the queue is walked.
    let good = PageRequest::first(9).after(Some(queue.clone()));
    assert_eq!(store.list(&Query::Queue(at(2)), &good).await.unwrap().items.len(), 2);

    let mut longer = agents.as_bytes().to_vec();
    longer.push(0);
    let foreign = [
        (Query::Agents(None), agents.clone()),
        (Query::Agents(Some(ScriptId::new())), agents.clone()),
        (Query::Scripts, agents.clone()),
        (Query::Executions(Scope::Agent(agent), None), agents.clone()),
        (Query::Leases(at(1)), queue.clone()),
        (Query::Agents(Some(script)), queue),
        (Query::Agents(Some(script)), Cursor::from_bytes(longer)),
        (Query::Agents(Some(script)), Cursor::from_bytes(vec![0])),
        (Query::Agents(Some(script)), Cursor::from_bytes(vec![0xff; 64])),
    ];
    for (query, cursor) in foreign {
        for order in [Order::OldestFirst, Order::NewestFirst] {
            let request = PageRequest { cursor: Some(cursor.clone()), limit: 5, order };
            match store.list(&query, &request).await {
                Err(Error::Invalid(invalid)) => assert_eq!(invalid.problems()[0].field, "cursor"),
                other => panic!("{query:?} took {cursor}: {other:?}"),
            }
        }
    }
}
