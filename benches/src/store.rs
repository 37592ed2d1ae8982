//! Durable commits per second, beside what the disk itself can sync.

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use automa_core::id::{SessionId, UserId};
use automa_core::store::{Batch, Revision, SledStore, Store};
use automa_core::user::LoginSession;
use jiff::Timestamp;

use crate::figures::Figure;

/// How long each side is measured.
const SPAN: Duration = Duration::from_secs(3);

/// Measures one writer, 32 writers, and the disk's own fdatasync, all in the current folder's file system.
///
/// # Errors
///
/// When the store or the file cannot be written.
pub async fn measure() -> Result<Vec<Figure>, Box<dyn Error>> {
    let folder = tempfile::tempdir_in(".")?;
    let disk = syncs(folder.path())?;
    let store: Arc<dyn Store> = Arc::new(SledStore::open(folder.path().join("data"))?);
    let one = commits(&store, 1).await?;
    let many = commits(&store, 32).await?;
    let against = format!("{disk:.0} appends of 512 bytes with fdatasync per second (the disk itself)");
    let figure = |writers: &str, rate: f64, counts: String, goal| Figure {
        what: format!("durable commits, {writers}"),
        ours: format!("{rate:.0} per second"),
        against: against.clone(),
        counts,
        goal,
    };
    Ok(vec![
        figure("one writer", one, format!("{:.2} of the disk's rate", one / disk), "(no goal)"),
        figure("32 writers", many, format!("{many:.0} per second"), "1000 per second"),
    ])
}

/// How often per second the disk can append 512 bytes and sync them.
fn syncs(folder: &std::path::Path) -> Result<f64, Box<dyn Error>> {
    let mut file = std::fs::File::create(folder.join("syncs"))?;
    let (begun, mut count) = (Instant::now(), 0_u32);
    while begun.elapsed() < SPAN {
        file.write_all(&[0x5a; 512])?;
        file.sync_data()?;
        count += 1;
    }
    Ok(f64::from(count) / begun.elapsed().as_secs_f64())
}

/// How many small commits per second that many writers get through, each waiting for its own to be durable.
async fn commits(store: &Arc<dyn Store>, writers: usize) -> Result<f64, Box<dyn Error>> {
    let count = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..writers {
        let (store, count) = (Arc::clone(store), Arc::clone(&count));
        tasks.push(tokio::spawn(async move {
            while begun.elapsed() < SPAN {
                let now = Timestamp::UNIX_EPOCH;
                let (id, user) = (SessionId::new(), UserId::new());
                let revision = Revision::default();
                let session = LoginSession { id, user, created_at: now, expires_at: now, revision };
                store.commit(Batch::new().insert(session)).await?;
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, automa_core::Error>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(count.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64())
}
