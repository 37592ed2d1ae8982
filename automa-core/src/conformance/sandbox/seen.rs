//! Promises about what a script sees, and what it gives back.

use jiff::Timestamp;
use serde_json::json;

use super::given::{Subject, object, run, run_task, task};
use crate::id::{AgentId, JobId};
use crate::sandbox::{Exit, Task};

/// What was granted, the `AUTOMA_…` variables, and not one more.
pub async fn the_environment_is_exactly_what_was_given(sandbox: Subject) {
    let mut task = task("import os, json\nprint(json.dumps(dict(os.environ)))");
    for (name, value) in [("PLAIN", "value"), ("TEXT", "ü \u{1f980} = \"'\\"), ("EMPTY", ""), ("LINES", "a\nb")] {
        task.permissions.environment.insert(name.to_owned(), value.to_owned());
    }
    task.execution.job = Some(JobId::new());
    task.execution.scheduled_at = Some(Timestamp::UNIX_EPOCH);
    let expected: serde_json::Map<_, _> =
        task.environment().into_iter().map(|(name, value)| (name, json!(value))).collect();
    let ran = run_task(&sandbox, task).await.well();
    let found: serde_json::Value = serde_json::from_str(&ran.stdout()).unwrap();
    assert_eq!(found, serde_json::Value::Object(expected));
}

/// As Python values, every kind of JSON.
pub async fn config_input_and_execution_are_there(sandbox: Subject) {
    let source = "import automa\ne = automa.execution\nautoma.set_result([automa.config, automa.input, e.id, e.agent_id, e.job_id, e.attempt, e.scheduled_at])";
    let mut task = task(source);
    task.config = object(r#"{"a": [1, 2.5, null, true, "ü"], "deep": {"er": {}}}"#);
    task.input = object(r#"{"key with space": -9007199254740993, "": ""}"#);
    let (agent, job) = (AgentId::new(), JobId::new());
    task.execution.agent = Some(agent);
    task.execution.job = Some(job);
    task.execution.attempt = 3;
    task.execution.scheduled_at = Some("2026-05-01T02:30:00Z".parse().unwrap());
    let id = task.execution.id;
    let expected = json!([
        task.config.to_value(),
        task.input.to_value(),
        id.to_string(),
        agent.to_string(),
        job.to_string(),
        3,
        "2026-05-01T02:30:00Z"
    ]);
    assert_eq!(run_task(&sandbox, task).await.well().result(), expected);
    let source = "import automa\ne = automa.execution\nautoma.set_result([automa.config, automa.input, e.agent_id, e.job_id, e.attempt, e.scheduled_at])";
    assert_eq!(run(&sandbox, source).await.well().result(), json!([{}, {}, null, null, 1, null]));
}

/// The input is its keyword arguments, what it returns is the result.
pub async fn main_is_called_with_the_input(sandbox: Subject) {
    let with_input = |source: &str| Task { input: object(r#"{"name": "Ada", "count": 2}"#), ..task(source) };
    for (source, result) in [
        ("def main(name, count):\n    return name * count", json!("AdaAda")),
        ("def main(*, name, count=1, other=5):\n    return [name, count, other]", json!(["Ada", 2, 5])),
        ("def main(**given):\n    return given", json!({"name": "Ada", "count": 2})),
        ("def main(count, **rest):\n    return rest", json!({"name": "Ada"})),
        ("def main(name, count):\n    pass", json!(null)),
        ("class Job:\n    def __call__(self, name, count):\n        return count\nmain = Job()", json!(2)),
        (
            "import functools\ndef log(f):\n    @functools.wraps(f)\n    def g(**k):\n        return f(**k)\n    return g\n@log\ndef main(name, count):\n    return count",
            json!(2),
        ),
        ("import automa\ndef main(name, count):\n    automa.set_result('set')", json!("set")),
        (
            "import automa\ndef main(name, count):\n    automa.set_result('set')\n    return 'returned'",
            json!("returned"),
        ),
        ("def main(name, count):\n    return 0", json!(0)),
        ("x = 1", json!(null)),
    ] {
        assert_eq!(run_task(&sandbox, with_input(source)).await.well().result(), result, "{source}");
    }
    assert_eq!(run(&sandbox, "def main():\n    return 'none'").await.well().result(), "none");
    // What is only imported is nobody's entry point.
    run(&sandbox, "from unittest import main").await.well();
}

/// With all that `asyncio` does without a network.
pub async fn main_may_be_async(sandbox: Subject) {
    let source = "import asyncio\nasync def part(n):\n    await asyncio.sleep(0.01 * n)\n    return n\nasync def main():\n    async with asyncio.timeout(5):\n        return await asyncio.gather(*(part(n) for n in (3, 1, 2)))";
    assert_eq!(run(&sandbox, source).await.well().result(), json!([3, 1, 2]));
    let source = "import asyncio, automa\nasync def go():\n    queue = asyncio.Queue()\n    async with asyncio.TaskGroup() as group:\n        group.create_task(queue.put(5))\n        automa.set_result(await queue.get())\nasyncio.run(go())";
    assert_eq!(run(&sandbox, source).await.well().result(), 5);
}

/// Which keys are missing, which are not taken; and a `TypeError` of the script's own stays its own.
pub async fn a_main_that_does_not_fit_the_input_says_how(sandbox: Subject) {
    let source = "def main(month, year=2026):\n    pass";
    let ran = run_task(&sandbox, Task { input: object(r#"{"moth": 5}"#), ..task(source) }).await.ended(Exit::Code(1));
    let reason = ran.outcome.reason.clone().unwrap();
    assert!(
        reason.starts_with("TypeError: main()") && reason.contains("'month'") && reason.contains("'moth'"),
        "{reason}"
    );
    assert!(ran.stderr().contains("'month'"), "{}", ran.stderr());
    let ran = run(&sandbox, "def main():\n    return len(5)").await.ended(Exit::Code(1));
    assert!(ran.stderr().contains("line 2, in main"), "{}", ran.stderr());
}

/// A script whose own `if __name__ == "__main__":` calls `main` has been started.
pub async fn a_script_that_starts_itself_is_not_started_twice(sandbox: Subject) {
    let source =
        "import sys\ndef main():\n    print('once')\n    return 4\nif __name__ == '__main__':\n    sys.exit(main())";
    let ran = run(&sandbox, source).await.ended(Exit::Code(4));
    assert_eq!(ran.stdout(), "once\n");
    let source = "def main():\n    print('once')\nif __name__ == '__main__':\n    main()";
    assert_eq!(run(&sandbox, source).await.well().stdout(), "once\n");
}

/// Any JSON; the last one counts.
pub async fn set_result_gives_the_result(sandbox: Subject) {
    for (value, result) in [
        ("None", json!(null)),
        ("[1, 2.5, 'ü', True, None, {}]", json!([1, 2.5, "ü", true, null, {}])),
        ("(1, 2)", json!([1, 2])),
        ("{1: 'a', None: 'b'}", json!({"1": "a", "null": "b"})),
        ("2 ** 64 - 1", json!(u64::MAX)),
        ("-2 ** 63", json!(i64::MIN)),
        ("'\\x00\\u202e\\U0001f980'", json!("\0\u{202e}\u{1f980}")),
    ] {
        let source = format!("import automa\nautoma.set_result('first')\nautoma.set_result({value})");
        let ran = run(&sandbox, &source).await.well();
        assert_eq!(ran.outcome.result.as_ref().map(|json| json.value().clone()), Some(result), "{value}");
    }
}

/// A `TypeError` or `ValueError` of the script, which names what is wrong; never a mangled result.
pub async fn a_result_that_is_not_json_is_a_clear_error(sandbox: Subject) {
    let deep = "x = []\nfor _ in range(100):\n    x = [x]\n";
    for (before, value, words) in [
        ("", "{1, 2}", "set"),
        ("", "object()", "object"),
        ("", "b'x'", "bytes"),
        ("", "[float('nan')]", "nan"),
        ("", "float('-inf')", "inf"),
        ("", "2 ** 64", "64 bits"),
        ("", "{(1, 2): 3}", "tuple"),
        ("", "'\\ud800'", "surrogate"),
        ("", "'x' * 2 ** 21", "too large"),
        ("", "['ü' * 2 ** 19 + 'x']", "too large"),
        (deep, "x", "deep"),
        ("x = []\nx.append(x)\n", "x", "ircular"),
        ("x = []\nfor _ in range(10 ** 4):\n    x = [x]\n", "x", "deep"),
    ] {
        for source in [
            format!("import automa\n{before}automa.set_result({value})"),
            format!("{before}def main():\n    return {value}"),
        ] {
            let ran = run(&sandbox, &source).await.ended(Exit::Code(1));
            let reason = ran.outcome.reason.clone().unwrap();
            assert!(reason.starts_with("TypeError: ") || reason.starts_with("ValueError: "), "{source}: {reason}");
            assert!(reason.contains(words), "{source}: {reason}");
            assert!(ran.stderr().contains(words), "{source}: {}", ran.stderr());
            assert_eq!(ran.outcome.result, None, "{source}");
        }
    }
}

/// What it found out before is not lost.
pub async fn a_result_is_kept_when_the_script_fails_after_it(sandbox: Subject) {
    let ran = run(&sandbox, "import automa\nautoma.set_result({'rows': 5})\n1 / 0").await.ended(Exit::Code(1));
    assert_eq!(ran.result(), json!({"rows": 5}));
}

/// In the source, its name, the input, the environment and the output.
pub async fn any_text_goes_in_and_out(sandbox: Subject) {
    let text = "ünïcödé \u{1f980}\u{202e}\u{0}e\u{301} 漢字";
    let mut task = task(
        "ключ = automa_input = __import__('automa').input['текст']\nprint(ключ, end='')\nraise ValueError('漢字 🦀')",
    );
    task.input = object(&json!({"текст": text}).to_string());
    task.file_name = "отчёт 🦀.py".to_owned();
    let ran = run_task(&sandbox, task).await.ended(Exit::Code(1));
    assert_eq!(ran.stdout(), text);
    assert!(
        ran.stderr().contains("File \"отчёт 🦀.py\", line 3") && ran.stderr().contains("ValueError: 漢字 🦀"),
        "{}",
        ran.stderr()
    );
    assert_eq!(ran.outcome.reason.as_deref(), Some("ValueError: 漢字 🦀 (отчёт 🦀.py, line 3)"));
}

/// So that pickling, dataclasses and annotations work as in any script.
pub async fn the_script_is_the_main_module(sandbox: Subject) {
    let source = r#"
import sys, pickle, dataclasses, typing, inspect
assert __name__ == "__main__" and __file__ == "main.py" and sys.argv == ["main.py"], (__name__, __file__, sys.argv)
@dataclasses.dataclass
class Row:
    name: "str"
    def twice(self): return self.name * 2
assert pickle.loads(pickle.dumps(Row("a"))) == Row("a")
assert typing.get_type_hints(Row) == {"name": str}
assert sys.modules["__main__"].Row is Row
assert "return self.name * 2" in inspect.getsource(Row.twice)
"#;
    run(&sandbox, source).await.well();
}

/// Reading it ends at once.
pub async fn stdin_is_empty(sandbox: Subject) {
    run(&sandbox, "import sys\nassert sys.stdin.read() == ''").await.well();
    let ran = run(&sandbox, "input('name? ')").await.ended(Exit::Code(1));
    assert!(ran.outcome.reason.unwrap().starts_with("EOFError"));
}
