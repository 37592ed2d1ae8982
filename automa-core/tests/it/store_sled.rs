//! What the store on sled promises beyond the suite: what was acknowledged is there after whatever happened.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use automa_core::Principal;
use automa_core::audit::{AuditSeq, NewAuditEvent};
use automa_core::auditor::{Auditor as _, ChainAuditor};
use automa_core::error::{Error, FolderProblem};
use automa_core::execution::{Execution, NewExecution, Origin};
use automa_core::id::{AgentId, ExecutionId, ScriptId};
use automa_core::job::RetryPolicy;
use automa_core::json::JsonObject;
use automa_core::sandbox::Stream;
use automa_core::script::VersionNumber;
use automa_core::store::{Batch, Claim, LogChunk, LogSeq, PageRequest, Query, Scope, SledStore, Store, StoreExt as _};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

fn execution(bytes: usize) -> Execution {
    let input = format!(r#"{{"text":"{}"}}"#, "x".repeat(bytes));
    let spec = NewExecution {
        agent: AgentId::new(),
        job: None,
        script: ScriptId::new(),
        version: VersionNumber::FIRST,
        origin: Origin::Manual,
        scheduled_at: None,
        input: JsonObject::parse(input.as_bytes()).unwrap(),
        retry: RetryPolicy::default(),
    };
    Execution::queue(spec, Timestamp::now())
}

/// Queues an execution and records it; its id once that is acknowledged.
async fn queue(store: &dyn Store, bytes: usize) -> Result<ExecutionId, Error> {
    let execution = execution(bytes);
    let id = execution.id;
    let event = NewAuditEvent::done(execution.queued_at, &Principal::System, "execution.queue", id.to_ref());
    store.commit(Batch::new().insert(execution).event(event)).await?;
    Ok(id)
}

/// Everything acknowledged is there, nothing else is, and the audit log is whole.
async fn holds(store: SledStore, acknowledged: &[ExecutionId]) -> SledStore {
    let mut found = Vec::new();
    let mut page = PageRequest::first(200);
    loop {
        let some = store.page::<Execution>(&Query::Executions(Scope::All, None), &page).await.unwrap();
        found.extend(some.items.iter().map(|it| it.id));
        let Some(next) = some.next else { break };
        page.cursor = Some(next);
    }
    let mut expected = acknowledged.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected);
    let store = Arc::new(store);
    let verified = ChainAuditor::new(Arc::clone(&store) as Arc<dyn Store>).verify().await.unwrap();
    assert_eq!(verified.damage, None);
    assert_eq!(verified.events, acknowledged.len() as u64);
    Arc::into_inner(store).unwrap()
}

/// The files of a folder whose name begins like this.
fn files(folder: &Path, beginning: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(beginning)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_opened_again_holds_what_was_acknowledged() {
    let folder = TempDir::new().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..4 {
        let store = Arc::new(SledStore::open(folder.path()).unwrap());
        assert_eq!(store.repairs(), [] as [String; 0]);
        let tasks: Vec<_> = (0..16)
            .map(|task| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { queue(&*store, task * 500).await.unwrap() })
            })
            .collect();
        for task in tasks {
            acknowledged.push(task.await.unwrap());
        }
        let store = holds(Arc::into_inner(store).unwrap(), &acknowledged).await;
        assert_eq!(acknowledged.len(), (round + 1) * 16);
        drop(store);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_there_when_the_store_is_opened_again() {
    let folder = TempDir::new().unwrap();
    let store = SledStore::open(folder.path()).unwrap();
    let id = queue(&store, 0).await.unwrap();
    let now = Timestamp::now();
    let until = now + SignedDuration::from_secs(30);
    let run = store.claim(&Claim { worker: "worker".to_owned(), now, until, limit: 1 }).await.unwrap().pop().unwrap();
    let lines: Vec<_> = (0..50)
        .map(|seq| LogChunk { seq: LogSeq(seq), at: now, stream: Stream::Stderr, bytes: vec![b'x'; 1_000] })
        .collect();
    store.append_log(id, run.fence(), lines.clone()).await.unwrap();
    drop(store);
    let store = SledStore::open(folder.path()).unwrap();
    assert_eq!(store.read_log(id, LogSeq(0), usize::MAX).await.unwrap(), lines);
    assert_eq!(store.require::<Execution>(id).await.unwrap(), run);
}

#[test]
fn a_second_store_in_one_folder_is_refused() {
    let folder = TempDir::new().unwrap();
    let _first = SledStore::open(folder.path()).unwrap();
    match SledStore::open(folder.path()) {
        Err(Error::Folder { problem: FolderProblem::InUse(pid), .. }) => assert_eq!(pid, Some(std::process::id())),
        other => panic!("opened twice: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_snapshot_is_removed() {
    let folder = TempDir::new().unwrap();
    let id = queue(&SledStore::open(folder.path()).unwrap(), 0).await.unwrap();
    let left = folder.path().join("store/snap.7FFFFFFFFFFFFFFF.generating");
    fs::write(&left, "half").unwrap();
    let store = holds(SledStore::open(folder.path()).unwrap(), &[id]).await;
    assert!(!left.exists());
    assert_eq!(store.repairs().len(), 1);
    assert!(store.repairs()[0].contains("snap.7FFFFFFFFFFFFFFF.generating"), "{:?}", store.repairs());
    drop(store);
    assert_eq!(SledStore::open(folder.path()).unwrap().repairs(), [] as [String; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_set_aside_and_everything_read_from_the_log() {
    let folder = TempDir::new().unwrap();
    let mut acknowledged = Vec::new();
    // Enough to fill segments, free them and use them again.
    for _ in 0..3 {
        let store = SledStore::open(folder.path()).unwrap();
        for place in 0..60 {
            acknowledged.push(queue(&store, place * 400).await.unwrap());
        }
    }
    let snapshots = files(&folder.path().join("store"), "snap.");
    assert!(!snapshots.is_empty(), "sled wrote no snapshot, so this test tests nothing");
    for damage in [&b""[..], b"short", &[0x5a; 5_000]] {
        for snapshot in files(&folder.path().join("store"), "snap.") {
            fs::write(snapshot, damage).unwrap();
        }
        let store = holds(SledStore::open(folder.path()).unwrap(), &acknowledged).await;
        assert!(store.repairs().iter().any(|repair| repair.contains("damaged snapshot")), "{:?}", store.repairs());
        acknowledged.push(queue(&store, 0).await.unwrap());
    }
    assert_eq!(files(&folder.path().join("store"), "aside-").len(), 3);
    holds(SledStore::open(folder.path()).unwrap(), &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_no_log_is_damage() {
    let folder = TempDir::new().unwrap();
    drop(SledStore::open(folder.path()).unwrap());
    fs::write(folder.path().join("store/conf"), "segment_size: many\n").unwrap();
    match SledStore::open(folder.path()) {
        Err(failure @ Error::Damaged(_)) => assert!(failure.to_string().contains("put back a copy"), "{failure}"),
        other => panic!("opened: {other:?}"),
    }
}

/// Sled drops a damaged end without a word; the note beside the store tells.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_lost_its_end_is_damage_and_not_a_shorter_store() {
    let whole = TempDir::new().unwrap();
    let store = SledStore::open(whole.path()).unwrap();
    for _ in 0..30 {
        queue(&store, 2_000).await.unwrap();
    }
    drop(store);
    let log = fs::read(whole.path().join("store/db")).unwrap();
    let damages: [fn(Vec<u8>) -> Vec<u8>; 3] = [
        |log| log[..log.len() / 4].to_vec(),
        |_| Vec::new(),
        |mut log| {
            let last = log.iter().rposition(|byte| *byte != 0).unwrap();
            log[last.saturating_sub(2_000)] ^= 1;
            log
        },
    ];
    for damage in damages {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("store")).unwrap();
        for name in ["format", "head", "store/conf"] {
            fs::copy(whole.path().join(name), folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("store/db"), damage(log.clone())).unwrap();
        match SledStore::open(folder.path()) {
            Err(failure @ Error::Damaged(_)) => {
                assert!(failure.to_string().contains("put back a"), "{failure}");
            }
            other => panic!("opened: {other:?}"),
        }
    }
}

/// No page of many large neighbours goes where sled does not sync.
#[tokio::test(flavor = "multi_thread")]
async fn large_values_stay_in_the_synced_log() {
    let folder = TempDir::new().unwrap();
    let store = SledStore::open(folder.path()).unwrap();
    for round in 0..40 {
        queue(&store, 3_000 + round * 6_000).await.unwrap();
        queue(&store, 4_090).await.unwrap();
    }
    let now = Timestamp::now();
    let until = now + SignedDuration::from_secs(30);
    for run in store.claim(&Claim { worker: "worker".to_owned(), now, until, limit: 10 }).await.unwrap() {
        for seq in 0..20 {
            let line = LogChunk { seq: LogSeq(seq), at: now, stream: Stream::Stdout, bytes: vec![b'x'; 32 * 1024] };
            store.append_log(run.id, run.fence(), vec![line]).await.unwrap();
        }
    }
    assert_eq!(fs::read_dir(folder.path().join("store/blobs")).unwrap().count(), 0);
}

/// A file system of its own, in memory, that is gone when this is.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None`, said loudly, where the test may not mount.
    #[expect(clippy::print_stderr, reason = "whoever runs the tests must see what was left out")]
    fn mount(mib: u32) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"])
            .arg(folder.path())
            .output();
        let why = match mount {
            Ok(done) if done.status.success() => return Some(Self(folder)),
            Ok(done) => String::from_utf8_lossy(&done.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        let why = format!("LEFT OUT: a full disk, because a small one cannot be mounted here: {why}");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
        eprintln!("{why}");
        None
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Takes this much of the disk, or all that is left.
    fn fill(&self, name: &str, mib: usize) {
        let mut file = fs::File::create(self.path(name)).unwrap();
        for _ in 0..mib * 16 {
            if std::io::Write::write_all(&mut file, &[0; 64 * 1024]).is_err() {
                return;
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_until_there_is_room_again() {
    let Some(disk) = SmallDisk::mount(48) else { return };
    let store = SledStore::open(disk.path("data")).unwrap();
    disk.fill("ballast", 8);
    let mut acknowledged = Vec::new();
    let refusal = loop {
        match queue(&store, 200_000).await {
            Ok(id) => acknowledged.push(id),
            Err(refusal) => break refusal,
        }
        assert!(acknowledged.len() < 1_000, "the disk never became full");
    };
    assert!(!acknowledged.is_empty());
    assert_eq!((refusal.code(), refusal.retryable()), ("disk_full", true), "{refusal}");
    // Reading goes on, and nothing of the refused batch is there. Small writes fit until they do not.
    let store = holds(store, &acknowledged).await;
    let refusal = loop {
        match queue(&store, 0).await {
            Ok(id) => acknowledged.push(id),
            Err(refusal) => break refusal,
        }
        assert!(acknowledged.len() < 2_000, "the disk never became full");
    };
    assert_eq!(refusal.code(), "disk_full", "{refusal}");

    fs::remove_file(disk.path("ballast")).unwrap();
    for _ in 0..10 {
        acknowledged.push(queue(&store, 1_000).await.unwrap());
    }
    drop(holds(store, &acknowledged).await);
    holds(SledStore::open(disk.path("data")).unwrap(), &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_to_open_and_harms_nothing() {
    let Some(disk) = SmallDisk::mount(48) else { return };
    let store = SledStore::open(disk.path("data")).unwrap();
    let mut acknowledged = Vec::new();
    for _ in 0..20 {
        acknowledged.push(queue(&store, 50_000).await.unwrap());
    }
    drop(store);
    disk.fill("ballast", 48);
    for _ in 0..3 {
        match SledStore::open(disk.path("data")) {
            Err(refusal) => assert_eq!(refusal.code(), "disk_full", "{refusal}"),
            Ok(_) => panic!("opened on a full disk"),
        }
    }
    match SledStore::open(disk.path("new")) {
        Err(refusal) => assert_eq!(refusal.code(), "disk_full", "{refusal}"),
        Ok(_) => panic!("made on a full disk"),
    }
    fs::remove_file(disk.path("ballast")).unwrap();
    holds(SledStore::open(disk.path("data")).unwrap(), &acknowledged).await;
    SledStore::open(disk.path("new")).unwrap();
}

/// Somebody else fills the disk faster than anybody can look: an error, never a hang, and nothing acknowledged is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_under_a_write_loses_nothing_acknowledged() {
    let Some(disk) = SmallDisk::mount(40) else { return };
    let store = Arc::new(SledStore::open(disk.path("data")).unwrap());
    let (written, mut enough) = tokio::sync::mpsc::channel(64);
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (store, written) = (Arc::clone(&store), written.clone());
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                while let Ok(id) = queue(&*store, 20_000).await {
                    acknowledged.push(id);
                    let _ = written.try_send(());
                }
                acknowledged
            })
        })
        .collect();
    for _ in 0..50 {
        enough.recv().await.unwrap();
    }
    disk.fill("ballast", 40);
    let mut acknowledged = Vec::new();
    for task in tasks {
        let some = tokio::time::timeout(std::time::Duration::from_secs(30), task).await;
        acknowledged.extend(some.expect("a write hangs on a full disk").unwrap());
    }
    drop(store);
    fs::remove_file(disk.path("ballast")).unwrap();
    let store = SledStore::open(disk.path("data")).unwrap();
    for id in &acknowledged {
        store.require::<Execution>(*id).await.unwrap();
    }
    let store: Arc<dyn Store> = Arc::new(store);
    assert_eq!(ChainAuditor::new(Arc::clone(&store)).verify().await.unwrap().damage, None);
    assert!(store.read_audit(None, AuditSeq(0), usize::MAX).await.unwrap().len() >= acknowledged.len());
}
