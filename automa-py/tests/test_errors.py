"""Bad input: each gets one clear exception that names the argument, and changes nothing."""

import pickle
from datetime import datetime, timedelta, timezone

import pytest

import automa

OK = "print('hello')"


def problems(call, *args, **kwargs):
    """What is said to be wrong, by argument."""
    with pytest.raises(automa.InvalidError) as caught:
        call(*args, **kwargs)
    error = caught.value
    assert error.code == "invalid"
    assert isinstance(error, ValueError)
    assert isinstance(error, automa.Error)
    assert error.problems
    assert all(problem.message in str(error) for problem in error.problems)
    return dict(error.problems)


@pytest.fixture
def agent(idle):
    return idle.add_agent("agent", idle.add_script("script", OK))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("", "empty"),
        ("  \n\t", "empty"),
        (b"\xff\xfe", "UTF-8"),
        ("print(1)\0", "NUL"),
        ("#" * (1024 * 1024 + 1), "1048576"),
        ("def main(:\n  pass", "compile"),
        ("return 1", "compile"),
        ("report.py", "pathlib.Path"),
        ("x = '\udc80'\n", "surrogate"),
    ],
)
def test_a_source_that_is_none(idle, source, says):
    assert says in problems(idle.add_script, "script", source)["source"]
    assert idle.scripts() == []


def test_a_file_that_cannot_be_read(idle, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing\.py"):
        idle.add_script("script", tmp_path / "missing.py")
    with pytest.raises(IsADirectoryError):
        idle.add_script("script", tmp_path)
    large = tmp_path / "large.py"
    large.write_bytes(b"#" * (1024 * 1024 + 1))
    assert "1048576" in problems(idle.add_script, "script", large)["source"]


@pytest.mark.parametrize("name", ["", "   ", "a" * 129, "two\nlines", "bell\a", "zero\u200bwidth", "half\udc80"])
def test_a_name_that_is_none(idle, name):
    assert set(problems(idle.add_script, name, OK)) == {"name"}


def test_a_name_that_is_taken(idle, agent):
    idle.add_job("job", agent)
    for call in (
        lambda: idle.add_script("Script", OK),
        lambda: idle.add_agent("AGENT", "script"),
        lambda: idle.add_job("Job", agent),
    ):
        with pytest.raises(automa.ExistsError, match="exists already") as caught:
            call()
        assert caught.value.code == "already_exists"


def test_everything_that_is_wrong_with_an_agent_is_said_at_once(idle, agent):
    wrong = {
        "description": "nul\0",
        "version": 0,
        "config": {"x": {1, 2}},
        "backend": "No Such",
        "memory": "lots",
        "timeout": "soon",
        "output": -1,
        "files": 2**32,
        "restart": "sometimes",
    }
    assert set(problems(idle.add_agent, "other", "script", **wrong)) == {*(set(wrong) - {"config"}), "config.x"}
    assert [found.name for found in idle.agents()] == ["agent"]


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("memory", "1M"),
        ("memory", 0),
        ("memory", "100000G"),
        ("timeout", 0),
        ("timeout", timedelta(days=32)),
        ("timeout", -1),
        ("timeout", timedelta(seconds=-1)),
        ("timeout", float("nan")),
        ("timeout", float("inf")),
        ("output", "2G"),
        ("scratch", "100000G"),
        ("files", 10_000_000),
        ("processes", 0),
        ("cpu_millis", 1),
        ("environment.AUTOMA_X", {"AUTOMA_X": "1"}),
        ("environment.1X", {"1X": "1"}),
        ("environment.X", {"X": "nul\0"}),
        ("version", 7),
        ("version", "newest"),
    ],
)
def test_a_limit_that_is_out_of_range(idle, agent, argument, value):
    given = {argument.partition(".")[0]: value}
    assert set(problems(idle.add_agent, "other", "script", **given)) == {argument}
    assert set(problems(agent.update, **given)) == {argument}


def test_what_no_sandbox_here_can_do(idle, agent):
    for given in ({"network": True}, {"backend": "docker"}, {"cpu_millis": 500}):
        assert "sandbox" in problems(idle.add_agent, "other", "script", **given)["backend"]


def test_every_wrong_field_of_a_cron_expression_is_named(idle, agent):
    found = problems(idle.add_job, "job", agent, cron="61 60 25 32 13 FUNDAY", zone="Europe/Berlim")
    fields = ("second", "minute", "hour", "day_of_month", "month", "day_of_week")
    assert set(found) == {*(f"cron.{field}" for field in fields), "zone"}
    assert "Europe/Berlin" in found["zone"]
    assert idle.jobs() == []


@pytest.mark.parametrize(
    ("schedule", "argument"),
    [
        ({"cron": ""}, "cron"),
        ({"cron": "* * *"}, "cron"),
        ({"cron": "@sometimes"}, "cron"),
        ({"cron": "0 0 30 2 *"}, "cron"),
        ({"cron": "@daily", "zone": "Mars/Base"}, "zone"),
        ({"every": 0}, "every"),
        ({"every": "0s"}, "every"),
        ({"every": 0.5}, "every"),
        ({"every": "never"}, "every"),
        ({"every": timedelta(days=4000)}, "every"),
        ({"at": datetime(2099, 1, 1)}, "at"),  # noqa: DTZ001
        ({"every": 5, "anchor": datetime(2099, 1, 1)}, "anchor"),  # noqa: DTZ001
        ({"at": datetime(2000, 1, 1, tzinfo=timezone.utc)}, "schedule"),
        ({"cron": "@daily", "every": 5}, "schedule"),
        ({"zone": "UTC"}, "zone"),
        ({"every": 5, "zone": "UTC"}, "zone"),
        ({"anchor": datetime(2000, 1, 1, tzinfo=timezone.utc)}, "anchor"),
    ],
)
def test_a_schedule_that_is_none(idle, agent, schedule, argument):
    found = problems(idle.add_job, "job", agent, **schedule)
    assert all(field == argument or field.startswith(f"{argument}.") for field in found), found
    if schedule.get("at") != datetime(2000, 1, 1, tzinfo=timezone.utc):
        assert problems(idle.preview, **schedule) == found
    assert idle.jobs() == []


def test_policies_that_are_none(idle, agent):
    wrong = {"overlap": "queue", "misfire": "fire_all", "enabled": True}
    assert set(problems(idle.add_job, "job", agent, **wrong)) == {"overlap", "misfire"}
    assert set(problems(automa.Retry, attempts=0, backoff="2d", backoff_max="8d")) == {
        "attempts",
        "backoff",
        "backoff_max",
    }
    assert set(problems(automa.Retry, on=["succeeded"])) == {"on"}
    assert set(problems(automa.Retry, on=["whatever"])) == {"on"}


@pytest.mark.parametrize("text", ["", "x" * 200, "two\nlines"])
def test_what_is_neither_an_id_nor_a_name(idle, text):
    assert set(problems(idle.script, text)) == {"script"}
    assert set(problems(idle.job, text)) == {"job"}
    assert set(problems(idle.add_agent, "agent", text)) == {"script"}


def test_what_does_not_exist(idle, agent):
    absent = "0192f0c1-2b3c-7def-8123-456789abcdef"
    calls = [
        lambda: idle.script(absent),
        lambda: idle.script("absent"),
        lambda: idle.agent(absent),
        lambda: idle.job("absent"),
        lambda: idle.execution(absent),
        lambda: idle.add_agent("other", "absent"),
        lambda: idle.add_job("job", absent),
        lambda: idle.executions(agent="absent"),
    ]
    for call in calls:
        with pytest.raises(automa.NotFoundError) as caught:
            call()
        assert isinstance(caught.value, LookupError)
        assert caught.value.code == "not_found"
    assert set(problems(idle.execution, "no id")) == {"execution"}
    agent.delete()
    with pytest.raises(automa.NotFoundError):
        idle.run(agent)
    with pytest.raises((automa.NotFoundError, automa.InvalidError)):
        idle.add_job("job", agent)


def test_filters_that_are_none(idle, agent):
    job = idle.add_job("job", agent)
    assert set(problems(idle.executions, status="over")) == {"status"}
    assert set(problems(idle.executions, job=job, agent=agent)) == {"agent"}
    assert set(problems(idle.run(job).output, "stdlog")) == {"stream"}


@pytest.mark.parametrize("number", [-1, 10**30])
def test_numbers_that_are_out_of_range(idle, agent, number):
    job = idle.add_job("job", agent)
    script = idle.script("script")
    assert set(problems(idle.executions, limit=number)) == {"limit"}
    assert set(problems(idle.next_runs, job, number)) == {"count"}
    assert set(problems(idle.preview, number, cron="@daily")) == {"count"}
    assert set(problems(script.source, number)) == {"version"}
    for thing in (script, agent, job):
        assert set(problems(thing.update, revision=number)) == {"revision"}
        assert set(problems(thing.delete, revision=number)) == {"revision"}
    assert set(problems(automa.Retry, attempts=number)) == {"attempts"}


def test_values_of_a_wrong_type_are_type_errors(idle, agent):
    calls = [
        lambda: idle.add_script("other", 5),
        lambda: idle.add_agent("other", 5),
        lambda: idle.add_agent("other", "script", memory=[1]),
        lambda: idle.add_agent("other", "script", timeout=object()),
        lambda: idle.add_agent("other", "script", files="many"),
        lambda: idle.add_agent("other", "script", environment={"X": 1}),
        lambda: idle.add_agent("other", "script", memmory=1),
        lambda: idle.add_job("other", agent, at="2099-01-01"),
        lambda: idle.add_job("other", agent, retry=5),
        lambda: idle.run("script"),
        lambda: automa.Retry(atempts=1),
    ]
    for call in calls:
        with pytest.raises(TypeError):
            call()


def test_a_typo_in_an_argument_is_told_with_what_there_is(idle):
    with pytest.raises(TypeError, match="add_agent.*'?memmory'?.*memory"):
        idle.add_agent("other", "script", memmory=1)


def test_opening_with_a_wrong_setting(folder):
    for workers in (0, 10_001, -1, 10**30):
        assert set(problems(automa.open, folder, workers=workers)) == {"workers"}


def test_exceptions_survive_pickling(idle):
    with pytest.raises(automa.InvalidError) as caught:
        idle.add_script("", OK)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again), again.problems) == (type(caught.value), str(caught.value), caught.value.problems)
    with pytest.raises(automa.NotFoundError) as caught:
        idle.script("absent")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again), again.code) == (automa.NotFoundError, str(caught.value), "not_found")


def test_every_exception_has_a_code_of_its_own_and_a_fitting_builtin():
    kinds = [kind for kind in vars(automa.errors).values() if isinstance(kind, type) and issubclass(kind, automa.Error)]
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert issubclass(automa.ForbiddenError, PermissionError)
    assert issubclass(automa.DiskFullError, OSError)
    assert issubclass(automa.FolderInUseError, automa.FolderError)
    assert automa.DiskFullError("full").errno == 28
    # Where the same call, a little later, may succeed.
    retryable = {automa.BusyError, automa.DiskFullError, automa.ShutDownError, automa.StoreError}
    assert {kind for kind in kinds if kind.retryable} == retryable


@pytest.mark.parametrize("code", sorted(automa.errors._BY_CODE))
def test_each_code_of_the_engine_becomes_its_exception_and_is_exported(code):
    error = automa.errors._make(code, "it did not work", True, [])
    assert (type(error).code, error.code, str(error), error.retryable) == (code, code, "it did not work", True)
    assert getattr(automa, type(error).__name__) is type(error)
