//! Promises about stdout and stderr.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::given::{Subject, run, run_task, task, warm};
use crate::limits::Bytes;
use crate::sandbox::{Exit, OutputSender, Stream, Task};

/// Also a line that has no end yet, and also while the script sleeps.
pub async fn output_arrives_while_the_script_runs(sandbox: Subject) {
    warm(&sandbox).await;
    for write in ["print('one', end='')", "import sys; sys.stdout.write('one')", "import sys; sys.stderr.write('one')"]
    {
        let (sender, mut receiver) = OutputSender::channel(16);
        let cancel = CancellationToken::new();
        let running = {
            let (sandbox, cancel) = (Arc::clone(&sandbox), cancel.clone());
            let task = task(&format!("{write}\nimport time\ntime.sleep(1000)"));
            tokio::spawn(async move { sandbox.run(task, sender, cancel).await })
        };
        let chunk = tokio::time::timeout(Duration::from_secs(5), receiver.recv()).await.unwrap().unwrap();
        assert_eq!(chunk.bytes, b"one", "{write}");
        assert!(!running.is_finished());
        cancel.cancel();
        assert_eq!(running.await.unwrap().exit, Exit::Cancelled);
    }
}

/// Each byte is known to come from one of the two.
pub async fn stdout_and_stderr_are_told_apart(sandbox: Subject) {
    let source = "import sys\nfor i in range(100):\n    print('o', i)\n    print('e', i, file=sys.stderr)";
    let ran = run(&sandbox, source).await.well();
    let expected = |letter| (0..100).map(|i| format!("{letter} {i}\n")).collect::<String>();
    assert_eq!(ran.stdout(), expected('o'));
    assert_eq!(ran.stderr(), expected('e'));
}

/// Any bytes, not only text: nothing is translated, added or lost.
pub async fn output_is_byte_exact(sandbox: Subject) {
    let ran = run(&sandbox, "import sys\nsys.stdout.buffer.write(bytes(range(256)) * 3)").await.well();
    assert_eq!(ran.bytes(Stream::Stdout), (0..=255u8).cycle().take(768).collect::<Vec<_>>());
    let ran = run(&sandbox, "import os\nos.write(1, bytes([0, 255, 13, 10]))\nos.write(2, b'\\xc3')").await.well();
    assert_eq!(ran.bytes(Stream::Stdout), [0, 255, 13, 10]);
    assert_eq!(ran.bytes(Stream::Stderr), [0xC3]);
    // Bytes that were read as text come out as the same bytes.
    let ran = run(&sandbox, "print(b'a\\xff'.decode('utf-8', 'surrogateescape'), end='')").await.well();
    assert_eq!(ran.bytes(Stream::Stdout), [b'a', 0xFF]);
    let ran = run(&sandbox, "print('a\\r\\nb\\x00\\x1b[31m', end='')").await.well();
    assert_eq!(ran.bytes(Stream::Stdout), b"a\r\nb\0\x1b[31m");
}

/// Whichever way a script writes.
pub async fn print_and_os_write_keep_their_order(sandbox: Subject) {
    let source = "import os, sys\nprint('1 ', end='')\nos.write(1, b'2 ')\nsys.stdout.buffer.write(b'3 ')\nprint('4 ', end='')\nsys.stdout.buffer.raw.write(b'5')";
    assert_eq!(run(&sandbox, source).await.well().stdout(), "1 2 3 4 5");
}

/// Five megabytes, in many small writes and in one large one.
pub async fn large_output_arrives_whole_and_in_order(sandbox: Subject) {
    let line = |i: u32| format!("{i:09}\n");
    for source in [
        "import sys\nfor i in range(0, 500000, 500):\n    sys.stdout.write(''.join('%09d\\n' % j for j in range(i, i + 500)))",
        "import os, sys\nsys.stdout.buffer.write(''.join('%09d\\n' % j for j in range(500000)).encode())",
    ] {
        let ran = run(&sandbox, source).await.well();
        let expected: String = (0..500_000).map(line).collect();
        assert!(ran.stdout() == expected, "{} bytes came", ran.bytes(Stream::Stdout).len());
        assert_eq!(ran.outcome.usage.output_bytes, 5_000_000);
        assert!(ran.chunks.iter().all(|chunk| chunk.bytes.len() <= OutputSender::CHUNK_MAX));
    }
}

/// The run ends as such, and what fits has arrived.
pub async fn output_over_the_limit_ends_the_run(sandbox: Subject) {
    let limited = |source| {
        let mut task = task(source);
        task.limits.output = Bytes(10_000);
        task
    };
    for source in [
        "while True:\n    print('x' * 99)",
        "import sys\nwhile True:\n    sys.stderr.write('x' * 99)",
        "import sys\nsys.stdout.write('x' * (1 << 26))",
        "import os\nwhile True:\n    try:\n        os.write(1, b'x' * 1000)\n    except BaseException:\n        pass",
    ] {
        let ran = run_task(&sandbox, limited(source)).await.ended(Exit::OutputLimit);
        assert_eq!(ran.chunks.iter().map(|chunk| chunk.bytes.len()).sum::<usize>(), 10_000, "{source}");
    }
    // Exactly the limit is within it, and both streams count.
    run_task(&sandbox, limited("import sys\nsys.stdout.write('x' * 5000)\nsys.stderr.write('y' * 5000)")).await.well();
    let both = limited("import sys\nsys.stdout.write('x' * 5000)\nsys.stderr.write('y' * 5001)");
    run_task(&sandbox, both).await.ended(Exit::OutputLimit);
}

/// Nothing is lost, and nothing piles up without bound.
pub async fn a_slow_reader_makes_the_script_wait(sandbox: Subject) {
    let (sender, mut receiver) = OutputSender::channel(1);
    let source = "import sys\nfor i in range(200):\n    sys.stdout.write('x' * 10000)";
    let running = tokio::spawn(async move { sandbox.run(task(source), sender, CancellationToken::new()).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!running.is_finished(), "2 MB went somewhere while nobody read");
    let mut bytes = 0;
    while let Some(chunk) = receiver.recv().await {
        bytes += chunk.bytes.len();
    }
    assert_eq!(bytes, 2_000_000);
    assert_eq!(running.await.unwrap().exit, Exit::Code(0));
}

/// Its output is lost; the run is not.
pub async fn a_reader_that_goes_away_does_not_stop_the_run(sandbox: Subject) {
    let (sender, receiver) = OutputSender::channel(1);
    drop(receiver);
    let task = task("import automa\nfor i in range(1000):\n    print('x' * 1000)\nautoma.set_result('done')");
    let outcome = sandbox.run(task, sender, CancellationToken::new()).await;
    assert_eq!(outcome.exit, Exit::Code(0), "{outcome:?}");
    assert_eq!(outcome.result.unwrap().into_value(), "done");
}

/// No text, however it looks, changes how a run ends or what its result is.
pub async fn what_is_printed_controls_nothing(sandbox: Subject) {
    let source = "import sys\nfor stream in (sys.stdout, sys.stderr):\n    print('{\"status\": \"failed\", \"result\": 1, \"exit\": 3}', file=stream)\n    print('::set-output name=result::1', file=stream)\n    print('\\x00\\x04\\x1a\\x1b[2J', file=stream)";
    let ran = run(&sandbox, source).await.well();
    assert_eq!(ran.outcome.result, None);
    assert_eq!(ran.stdout(), ran.stderr());
}

/// Time, memory and output, where the backend can tell.
pub async fn usage_is_counted(sandbox: Subject) {
    let source = "import time\nx = bytearray(30_000_000)\ntime.sleep(0.3)\nprint('x' * 999)";
    let ran = run_task(&sandbox, Task { file_name: "usage.py".to_owned(), ..task(source) }).await.well();
    let usage = ran.outcome.usage;
    assert!(usage.wall_time >= Duration::from_millis(300) && usage.wall_time <= ran.took, "{usage:?}");
    assert!(usage.cpu_time.is_none_or(|time| time <= ran.took), "{usage:?}");
    assert!(usage.peak_memory.is_none_or(|bytes| bytes >= 30_000_000), "{usage:?}");
    assert_eq!(usage.output_bytes, 1_000);
}
