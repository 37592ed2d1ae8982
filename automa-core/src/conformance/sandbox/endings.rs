//! Promises about how a run ends.

use super::given::{Subject, run, run_task, task};
use crate::sandbox::{Exit, Task};

/// Code 0, no reason, no result.
pub async fn a_script_that_runs_to_its_end_is_code_0(sandbox: Subject) {
    let ran = run(&sandbox, "print('hello')").await.well();
    assert_eq!(ran.stdout(), "hello\n");
    assert_eq!(ran.stderr(), "");
    assert_eq!(ran.outcome.result, None);
    run(&sandbox, "").await.well();
}

/// `sys.exit(n)`, `exit(n)` and `raise SystemExit(n)`, wherever they stand.
pub async fn sys_exit_gives_the_code(sandbox: Subject) {
    for (source, code) in [
        ("import sys; sys.exit()", 0),
        ("import sys; sys.exit(None)", 0),
        ("import sys; sys.exit(0)", 0),
        ("import sys; sys.exit(3)", 3),
        ("import sys; sys.exit(255)", 255),
        ("import sys; sys.exit(True)", 1),
        ("raise SystemExit(7)", 7),
        ("def f():\n    raise SystemExit(8)\nf()", 8),
        ("def main():\n    raise SystemExit(9)", 9),
        ("try:\n    raise SystemExit(4)\nfinally:\n    print('done')", 4),
    ] {
        let ran = run(&sandbox, source).await.ended(Exit::Code(code));
        assert_eq!(ran.stderr(), "", "{source}");
    }
}

/// As Python does it.
pub async fn sys_exit_with_a_text_prints_it_and_is_code_1(sandbox: Subject) {
    let ran = run(&sandbox, "import sys; sys.exit('no such month: ü')").await.ended(Exit::Code(1));
    assert_eq!(ran.stderr(), "no such month: ü\n");
    assert_eq!(ran.stdout(), "");
}

/// `os._exit(n)`: the code, and nothing after it runs.
pub async fn os_exit_gives_the_code_without_clean_up(sandbox: Subject) {
    let source = "import os, atexit\natexit.register(print, 'never')\nprint('before')\ntry:\n    os._exit(5)\nfinally:\n    print('never')";
    let ran = run(&sandbox, source).await.ended(Exit::Code(5));
    assert_eq!(ran.stdout(), "before\n");
    run(&sandbox, "import os; os._exit(0)").await.well();
}

/// The traceback is the one that Python shows, on stderr, and the reason names the exception and the line.
pub async fn an_uncaught_exception_is_code_1_and_a_traceback(sandbox: Subject) {
    let source = "def divide(a, b):\n    return a / b\n\nprint('before')\ndivide(1, 0)\n";
    let ran = run_task(&sandbox, Task { file_name: "report.py".to_owned(), ..task(source) }).await.ended(Exit::Code(1));
    assert_eq!(ran.stdout(), "before\n");
    let expected = concat!(
        "Traceback (most recent call last):\n",
        "  File \"report.py\", line 5, in <module>\n",
        "    divide(1, 0)\n",
    );
    assert!(ran.stderr().starts_with(expected), "{}", ran.stderr());
    assert!(ran.stderr().contains("  File \"report.py\", line 2, in divide\n    return a / b\n"), "{}", ran.stderr());
    assert!(ran.stderr().ends_with("\nZeroDivisionError: division by zero\n"), "{}", ran.stderr());
    assert_eq!(ran.outcome.reason.as_deref(), Some("ZeroDivisionError: division by zero (report.py, line 2)"));
}

/// Not above the user's first frame, and not where a call of ours refuses something.
pub async fn a_traceback_shows_nothing_of_the_sandbox(sandbox: Subject) {
    for source in [
        "raise ValueError('x')",
        "def main():\n    raise ValueError('x')",
        "async def main():\n    raise ValueError('x')",
        "import automa\nautoma.set_result({1, 2})",
        "def main():\n    return {1, 2}",
        "def main(a):\n    pass",
        "import traceback\ntraceback.print_stack()\nraise KeyError",
        "import atexit\ndef f():\n    raise ValueError('x')\natexit.register(f)\nraise KeyError",
    ] {
        let ran = run(&sandbox, source).await.ended(Exit::Code(1));
        let shown = ran.stderr();
        for line in shown.lines().filter(|line| line.trim_start().starts_with("File \"")) {
            let known = ["File \"main.py\"", "/asyncio/", "/json/", "<frozen "];
            assert!(known.iter().any(|part| line.contains(part)), "a frame of ours in:\n{shown}");
        }
        assert!(!shown.contains("exec(") && !shown.contains("wit_world"), "{shown}");
    }
}

/// With the line and the place in it.
pub async fn a_syntax_error_shows_its_line(sandbox: Subject) {
    let ran = run(&sandbox, "x = 1\nprint('a'\ny = 2\n").await.ended(Exit::Code(1));
    assert!(ran.stderr().starts_with("  File \"main.py\", line 2\n    print('a'\n         ^\n"), "{}", ran.stderr());
    assert!(ran.stderr().ends_with("SyntaxError: '(' was never closed\n"), "{}", ran.stderr());
    assert_eq!(ran.outcome.reason.as_deref(), Some("SyntaxError: '(' was never closed (main.py, line 2)"));
    let ran = run(&sandbox, "if True:\nprint(1)\n").await.ended(Exit::Code(1));
    assert!(ran.stderr().contains("IndentationError"), "{}", ran.stderr());
    // Nothing of a script runs when it does not compile.
    let ran = run(&sandbox, "print('never')\nreturn 3\n").await.ended(Exit::Code(1));
    assert_eq!(ran.stdout(), "");
}

/// `raise … from …`, an exception while handling another, and exception groups.
pub async fn causes_and_groups_are_shown_whole(sandbox: Subject) {
    let source = "try:\n    {}['key']\nexcept KeyError as error:\n    raise ValueError('outer') from error\n";
    let shown = run(&sandbox, source).await.ended(Exit::Code(1)).stderr();
    assert!(shown.contains("KeyError: 'key'\n\nThe above exception was the direct cause of"), "{shown}");
    let source = "try:\n    1 / 0\nexcept ZeroDivisionError:\n    undefined\n";
    let shown = run(&sandbox, source).await.ended(Exit::Code(1)).stderr();
    assert!(shown.contains("During handling of the above exception"), "{shown}");
    let source = "raise ExceptionGroup('many', [ValueError('first'), TypeError('second')])";
    let shown = run(&sandbox, source).await.ended(Exit::Code(1)).stderr();
    assert!(shown.contains("ValueError: first") && shown.contains("TypeError: second"), "{shown}");
}

/// Its own text may fail, be endless, or be no text.
pub async fn an_exception_that_cannot_be_printed_is_still_a_failure(sandbox: Subject) {
    for source in [
        "class E(BaseException):\n    __str__ = __repr__ = lambda self: 1 / 0\nraise E()",
        "class E(Exception):\n    def __str__(self):\n        raise SystemExit(0)\nraise E()",
        "class E(Exception):\n    def __str__(self):\n        return str(self)\nraise E()",
        "import sys\nsys.excepthook = None\nraise ValueError('x')",
        "import sys\ndef hook(*args):\n    raise SystemExit(0)\nsys.excepthook = hook\nraise ValueError('x')",
        "import sys\nsys.stderr = None\nraise ValueError('x')",
        "import os\nos.close(2)\nraise ValueError('x')",
        "import traceback, linecache, sys\ntraceback.TracebackException = None\nlinecache.cache = None\nraise ValueError",
    ] {
        let ran = run(&sandbox, source).await.ended(Exit::Code(1));
        assert!(ran.outcome.reason.is_some_and(|reason| !reason.is_empty()), "{source}");
    }
}

/// Also those that are not errors.
pub async fn every_kind_of_exception_is_code_1(sandbox: Subject) {
    for name in ["KeyboardInterrupt", "GeneratorExit", "StopIteration", "BaseException", "Warning", "RecursionError"] {
        let ran = run(&sandbox, &format!("raise {name}('why')")).await.ended(Exit::Code(1));
        assert!(ran.stderr().contains(name), "{}", ran.stderr());
    }
}

/// In Python, and in the C code behind it.
pub async fn deep_recursion_is_the_scripts_own_failure(sandbox: Subject) {
    let ran = run(&sandbox, "def f():\n    f()\nf()").await.ended(Exit::Code(1));
    assert!(ran.outcome.reason.is_some_and(|reason| reason.starts_with("RecursionError")));
    for source in [
        "import sys\nsys.setrecursionlimit(10**6)\na = []\nfor _ in range(10**5):\n    a = [a]\nrepr(a)",
        "import json\njson.loads('[' * 10**5)",
        "eval('(' * 10**4)",
        "eval('-' * 10**5 + '1')",
        "import sys\nsys.setrecursionlimit(10**6)\nclass A:\n    def __getattr__(self, name):\n        return getattr(self, name)\nA().x",
    ] {
        let ran = run(&sandbox, source).await;
        assert_ne!(ran.outcome.exit, Exit::Code(0), "{source}");
        assert_ne!(ran.outcome.exit, Exit::SandboxError, "{source}: {:?}", ran.outcome.reason);
    }
    run(&sandbox, "").await.well();
}

/// `abort()` is a failure of the script; the sandbox goes on.
pub async fn an_interpreter_that_aborts_is_the_scripts_own_failure(sandbox: Subject) {
    let ran = run(&sandbox, "import os; print('before'); os.abort()").await;
    assert!(matches!(ran.outcome.exit, Exit::Signal(_)), "{:?}", ran.outcome);
    assert_eq!(ran.stdout(), "before\n");
    run(&sandbox, "").await.well();
}

/// `atexit` functions, buffers of open streams, and objects that go away.
pub async fn clean_up_runs_at_the_end(sandbox: Subject) {
    let source = "import atexit\natexit.register(print, 'second')\natexit.register(print, 'first')\nprint('body')";
    assert_eq!(run(&sandbox, source).await.well().stdout(), "body\nfirst\nsecond\n");
    let ran = run(&sandbox, &format!("{source}\n1 / 0")).await.ended(Exit::Code(1));
    assert_eq!(ran.stdout(), "body\nfirst\nsecond\n");
    let source = "import sys, io\nsys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, 'wb', closefd=False)))\nprint('held')";
    assert_eq!(run(&sandbox, source).await.well().stdout(), "held\n");
    let source = "class A:\n    def __del__(self):\n        print('gone')\na = A()";
    assert_eq!(run(&sandbox, source).await.well().stdout(), "gone\n");
}

/// Code 0 or 1, never our own fault.
pub async fn odd_scripts_are_no_fault_of_ours(sandbox: Subject) {
    for (source, code) in [
        ("\u{feff}print('after a byte order mark')", 0),
        ("# -*- coding: latin-1 -*-\nprint('ü')", 0),
        ("\r\nprint(1)\r\n", 0),
        ("x = '\0'", 1),
        ("\0", 1),
        ("   ", 0),
        ("#", 0),
        ("print(1);;", 1),
        ("del __builtins__, __name__", 0),
        ("globals().clear()", 0),
        ("import sys\nsys.modules.clear()", 0),
        ("main = 5", 0),
    ] {
        let ran = run(&sandbox, source).await.ended(Exit::Code(code));
        assert!(!ran.stdout().contains("Ã"), "{}", ran.stdout());
    }
}
