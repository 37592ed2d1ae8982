//! Promises about output: it comes back byte for byte, and only the worker that holds the lease can add to it.

use std::sync::Arc;

use crate::conformance::given::{self, at};
use crate::error::Error;
use crate::execution::{Execution, Fence};
use crate::id::{AgentId, ExecutionId};
use crate::sandbox::OutputSender;
use crate::store::{Batch, LogSeq, Store};

async fn running(store: &dyn Store) -> Execution {
    store.commit(Batch::new().insert(given::queued(AgentId::new(), None, at(1)))).await.unwrap();
    let mut claimed = store.claim(&given::wish("worker", at(2), 1)).await.unwrap();
    claimed.pop().unwrap()
}

/// By place, whatever was appended together; from any place on; each execution's apart.
pub async fn output_is_read_back_in_order(store: Arc<dyn Store>) {
    let (one, other) = (running(&*store).await, running(&*store).await);
    let lines: Vec<_> = (0..300).map(|seq| given::line(seq, format!("line {seq}\n").as_bytes())).collect();
    for some in lines.chunks(7) {
        store.append_log(one.id, one.fence(), some.to_vec()).await.unwrap();
        store.append_log(other.id, other.fence(), vec![given::line(some[0].seq.0, b"other")]).await.unwrap();
    }
    store.append_log(one.id, one.fence(), Vec::new()).await.unwrap();
    assert_eq!(store.read_log(one.id, LogSeq(0), usize::MAX).await.unwrap(), lines);
    assert_eq!(store.read_log(one.id, LogSeq(290), usize::MAX).await.unwrap(), lines[290..]);
    assert_eq!(store.read_log(one.id, LogSeq(300), usize::MAX).await.unwrap(), []);
    assert_eq!(store.read_log(one.id, LogSeq(u64::MAX), usize::MAX).await.unwrap(), []);
    assert_eq!(store.read_log(ExecutionId::new(), LogSeq(0), usize::MAX).await.unwrap(), []);
    assert_eq!(store.read_log(other.id, LogSeq(0), usize::MAX).await.unwrap().len(), 43);
}

/// Whole chunks, together at most as many bytes as asked for, but always one if there is one.
pub async fn output_is_read_in_bounded_pieces(store: Arc<dyn Store>) {
    let run = running(&*store).await;
    let sizes = [10, 0, 20, 5_000, 1, 32_768, 32_768, 3, 9_000, 4_096];
    let lines: Vec<_> = (0..).zip(sizes).map(|(seq, size)| given::line(seq, &vec![b'x'; size])).collect();
    store.append_log(run.id, run.fence(), lines.clone()).await.unwrap();
    for most in [0, 1, 10, 30, 5_030, 5_031, 32_768, 37_799, 65_536, 100_000] {
        let mut read = Vec::new();
        while let Some(from) = lines.get(read.len()).map(|line| line.seq) {
            let piece = store.read_log(run.id, from, most).await.unwrap();
            let bytes: usize = piece.iter().map(|chunk| chunk.bytes.len()).sum();
            assert!(
                !piece.is_empty() && (bytes <= most || piece.len() == 1),
                "{} chunks, {bytes} of {most} bytes",
                piece.len()
            );
            read.extend(piece);
        }
        assert_eq!(read, lines);
    }
}

/// Not only UTF-8, from empty to the largest chunk that a sandbox sends.
pub async fn output_may_be_any_bytes_of_any_size(store: Arc<dyn Store>) {
    let run = running(&*store).await;
    let all: Vec<u8> = (0..=255).cycle().take(OutputSender::CHUNK_MAX).collect();
    let sizes = [0, 1, 255, 4_079, 4_080, 4_081, 4_095, 4_096, 4_097, 8_176, 8_192, 16_384, OutputSender::CHUNK_MAX];
    let lines: Vec<_> = (0..).zip(sizes).map(|(seq, size)| given::line(seq, &all[..size])).collect();
    for line in &lines {
        store.append_log(run.id, run.fence(), vec![line.clone()]).await.unwrap();
    }
    assert_eq!(store.read_log(run.id, LogSeq(0), usize::MAX).await.unwrap(), lines);
}

/// `LeaseLost` with another fence, before the claim, after the end, and for an execution that does not exist.
pub async fn output_of_a_stale_worker_is_refused(store: Arc<dyn Store>) {
    let refused =
        async |id: ExecutionId, fence: Fence| match store.append_log(id, fence, vec![given::line(0, b"late")]).await {
            Err(Error::LeaseLost(it)) => assert_eq!(it, id.to_ref()),
            other => panic!("output of a stale worker: {other:?}"),
        };
    refused(ExecutionId::new(), Fence(0)).await;
    let queued = given::queued(AgentId::new(), None, at(1));
    // Asked before it exists, while it is queued, and then again while it runs.
    refused(queued.id, Fence(1)).await;
    store.commit(Batch::new().insert(queued.clone())).await.unwrap();
    refused(queued.id, Fence(0)).await;
    refused(queued.id, Fence(1)).await;
    let mut run = store.claim(&given::wish("worker", at(2), 1)).await.unwrap().pop().unwrap();
    refused(run.id, Fence(0)).await;
    refused(run.id, Fence(2)).await;
    store.append_log(run.id, run.fence(), vec![given::line(0, b"in time")]).await.unwrap();
    run.renew(run.fence(), at(99)).unwrap();
    store.commit(Batch::new().update(run.clone())).await.unwrap();
    run.revision = run.revision.next();
    store.append_log(run.id, run.fence(), vec![given::line(1, b"still")]).await.unwrap();
    run.lose("the worker is gone", at(50)).unwrap();
    let fence = run.fence();
    store.commit(Batch::new().update(run.clone())).await.unwrap();
    refused(run.id, fence).await;
    assert_eq!(store.read_log(run.id, LogSeq(0), usize::MAX).await.unwrap().len(), 2);
}
