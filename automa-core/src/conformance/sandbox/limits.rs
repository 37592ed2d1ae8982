//! Promises about limits, and about being stopped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::given::{PATIENCE, Subject, run, run_task, run_until, task, task_for, warm};
use crate::limits::{Bytes, Limits};
use crate::sandbox::{Exit, OutputSender, Stream, Task};

const SLEEPS: &str = "print('up')\nimport time\ntime.sleep(1e6)";
const COMPUTES: &str = "print('up')\nwhile True:\n    pass";
const PRINTS: &str = "print('up')\nwhile True:\n    print('x' * 500)";

fn small(source: &str) -> Task {
    let limits = Limits::default().with_memory(Bytes::mib(96)).with_wall_time(Duration::from_secs(40));
    Task { limits, ..Task::new(source) }
}

/// By many small pieces, by one large one, or by a native call that wants it.
pub async fn too_much_memory_ends_the_run(sandbox: Subject) {
    for source in [
        "x = []\nwhile True:\n    x.append(bytearray(b'x' * (1 << 20)))",
        "x = []\nwhile True:\n    x.append(object())",
        "x = bytearray(b'x') * (1 << 30)",
        "x = 'x'\nwhile True:\n    x += x",
        "def f(n):\n    return [f(n + 1) for _ in range(2)] + [bytes(100000)] * n\nx = [list(range(10 ** 5)) for _ in range(10 ** 6)]",
    ] {
        let ran = run_task(&sandbox, small(source)).await.ended(Exit::OutOfMemory);
        assert!(ran.outcome.reason.unwrap().contains("96M"), "{source}");
        assert!(ran.outcome.usage.peak_memory.is_none_or(|bytes| bytes <= Bytes::mib(96).0), "{source}");
    }
    run(&sandbox, "x = bytearray(b'x' * 100_000_000)").await.well();
}

/// A script that copes is not ended. (A backend whose limit cannot be felt from inside may end it all the same.)
pub async fn a_memory_error_can_be_caught(sandbox: Subject) {
    let source = "try:\n    x = bytearray(b'x') * (1 << 30)\nexcept MemoryError:\n    print('caught')\n";
    let ran = run_task(&sandbox, small(source)).await;
    match ran.outcome.exit {
        Exit::Code(0) => assert_eq!(ran.stdout(), "caught\n"),
        exit => assert_eq!(exit, Exit::OutOfMemory),
    }
}

async fn times_out(sandbox: &Subject, source: &str) {
    warm(sandbox).await;
    let ran = run_task(sandbox, task_for(300, source)).await.ended(Exit::TimedOut);
    assert!(ran.took >= Duration::from_millis(300), "{:?}", ran.took);
    assert!(ran.took < Duration::from_millis(300) + PATIENCE, "{source}: {:?}", ran.took);
}

/// Within 100 ms of the limit.
pub async fn the_time_limit_ends_a_script_that_sleeps(sandbox: Subject) {
    times_out(&sandbox, SLEEPS).await;
    times_out(
        &sandbox,
        "import time\nwhile True:\n    try:\n        time.sleep(60)\n    except BaseException:\n        pass",
    )
    .await;
}

/// Within 100 ms of the limit, whatever it catches.
pub async fn the_time_limit_ends_a_script_that_computes(sandbox: Subject) {
    times_out(&sandbox, COMPUTES).await;
    times_out(
        &sandbox,
        "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass",
    )
    .await;
}

/// Within 100 ms of the limit, also when nobody reads.
pub async fn the_time_limit_ends_a_script_that_prints(sandbox: Subject) {
    let mut task = task_for(300, PRINTS);
    task.limits.output = Limits::OUTPUT_MAX;
    warm(&sandbox).await;
    run_task(&sandbox, task.clone()).await.ended(Exit::TimedOut);
    let (sender, _reader) = OutputSender::channel(1);
    let started = Instant::now();
    let outcome = sandbox.run(task, sender, CancellationToken::new()).await;
    assert_eq!(outcome.exit, Exit::TimedOut);
    assert!(started.elapsed() < Duration::from_millis(300) + PATIENCE, "{:?}", started.elapsed());
}

/// Where Python itself would not notice a signal.
pub async fn the_time_limit_ends_a_script_inside_one_long_call(sandbox: Subject) {
    for source in [
        "sum(range(10 ** 12))",
        "pow(3, 10 ** 9)",
        "import re\nre.match('(a+)+$', 'a' * 60 + 'b')",
        "import zlib\nx = bytes(10 ** 6)\nwhile True:\n    zlib.compress(x, 9)",
        "list(iter(int, 1)) if False else max(iter(int, 1))",
        "print('x' * 10 ** 7 in ('x' * 10 ** 6 + 'y') * 20)\nimport itertools\nsum(1 for _ in itertools.product(range(99), repeat=9))",
    ] {
        times_out(&sandbox, source).await;
    }
}

/// Nothing that a script leaves for its end outlives the limit.
pub async fn the_time_limit_ends_clean_up_that_hangs(sandbox: Subject) {
    times_out(&sandbox, "import atexit, time\natexit.register(time.sleep, 9999)").await;
    times_out(&sandbox, "class A:\n    def __del__(self):\n        while True:\n            pass\na = A()").await;
}

async fn cancels(sandbox: &Subject, source: &str) {
    warm(sandbox).await;
    let (sender, mut receiver) = OutputSender::channel(16);
    let cancel = CancellationToken::new();
    let running = {
        let (sandbox, cancel) = (Arc::clone(sandbox), cancel.clone());
        let mut task = task(source);
        task.limits.output = Limits::OUTPUT_MAX;
        tokio::spawn(async move { sandbox.run(task, sender, cancel).await })
    };
    assert_eq!(receiver.recv().await.unwrap().bytes[..1], *b"u", "it is up");
    let reading = tokio::spawn(async move { while receiver.recv().await.is_some() {} });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let started = Instant::now();
    cancel.cancel();
    let outcome = running.await.unwrap();
    assert_eq!(outcome.exit, Exit::Cancelled, "{outcome:?}");
    assert!(outcome.reason.is_some());
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    reading.await.unwrap();
}

/// Within 100 ms.
pub async fn cancelling_ends_a_script_that_sleeps(sandbox: Subject) {
    cancels(&sandbox, SLEEPS).await;
}

/// Within 100 ms.
pub async fn cancelling_ends_a_script_that_computes(sandbox: Subject) {
    cancels(&sandbox, COMPUTES).await;
}

/// Within 100 ms.
pub async fn cancelling_ends_a_script_that_prints(sandbox: Subject) {
    cancels(&sandbox, PRINTS).await;
}

/// None of its code runs.
pub async fn a_run_that_is_cancelled_before_it_starts_does_not_start(sandbox: Subject) {
    let cancel = CancellationToken::new();
    cancel.cancel();
    let ran = run_until(&sandbox, task("print('never')"), cancel).await.ended(Exit::Cancelled);
    assert!(ran.chunks.is_empty());
}

/// Whoever drops the future of a run has ended the run: its output stops, and its end of the channel is closed.
pub async fn a_dropped_run_ends(sandbox: Subject) {
    for source in [SLEEPS, COMPUTES, PRINTS] {
        let (sender, mut receiver) = OutputSender::channel(16);
        let mut task = task(source);
        task.limits.output = Limits::OUTPUT_MAX;
        {
            let running = sandbox.run(task, sender, CancellationToken::new());
            tokio::pin!(running);
            tokio::select! {
                outcome = &mut running => panic!("it ended by itself: {outcome:?}"),
                chunk = receiver.recv() => assert!(chunk.is_some()),
            }
        }
        let drained = async { while receiver.recv().await.is_some() {} };
        tokio::time::timeout(PATIENCE, drained).await.unwrap();
    }
    run(&sandbox, "").await.well();
}

/// Whatever the end: what was printed and given as a result before it is not lost.
pub async fn output_and_result_from_before_the_end_are_kept(sandbox: Subject) {
    warm(&sandbox).await;
    let source = "import automa\nautoma.set_result({'rows': 3})\nprint('before')\nwhile True:\n    pass";
    let ran = run_task(&sandbox, task_for(300, source)).await.ended(Exit::TimedOut);
    assert_eq!(ran.bytes(Stream::Stdout), b"before\n");
    assert_eq!(ran.result(), serde_json::json!({"rows": 3}));
    let source = "import automa, os\nautoma.set_result(1)\nos._exit(3)";
    assert_eq!(run(&sandbox, source).await.ended(Exit::Code(3)).result(), 1);
}
