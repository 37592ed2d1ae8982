"""The whole path: a script, an agent, a job, an execution with its result and its output."""

import time
from datetime import datetime, timedelta, timezone

import pytest
from conftest import LONG

import automa

SOURCE = """
import sys
import automa

def main(name="world"):
    print("working")
    print("careful", file=sys.stderr)
    return {"hello": name, "config": automa.config}
"""


def test_a_job_runs_each_second_and_its_result_and_output_are_in_hand(a):
    script = a.add_script("hello", SOURCE, description="says hello")
    agent = a.add_agent("greeter", script, config={"loud": True}, memory="128M", timeout="30s")
    job = a.add_job("often", agent, every=1, input={"name": "Ada"})
    first = a.next_execution(job, timeout=LONG)
    second = a.next_execution(job, after=first, timeout=LONG)
    for execution in (first, second):
        assert execution.wait(LONG) is execution
        assert (execution.status, execution.done, execution.exit_code) == ("succeeded", True, 0)
        assert execution.result == {"hello": "Ada", "config": {"loud": True}}
        assert (execution.stdout, execution.stderr) == ("working\n", "careful\n")
        assert execution.output("stdout") == b"working\n"
        # How a stream is cut into pieces is chance.
        pieces = {"stdout": "", "stderr": ""}
        for stream, text in execution.logs():
            pieces[stream] += text
        assert pieces == {"stdout": "working\n", "stderr": "careful\n"}
        assert (execution.origin, execution.job_id, execution.agent_id) == ("schedule", job.id, agent.id)
        assert execution.scheduled_at <= execution.queued_at <= execution.started_at <= execution.ended_at
        assert execution.usage.wall_time > timedelta(0)
        assert execution.usage.output_bytes == len("working\ncareful\n")
        assert execution.backend == "wasm"
        assert execution.reason is None
    assert second.scheduled_at - first.scheduled_at >= timedelta(seconds=1)
    assert {first, second} <= set(a.executions(job=job))


def test_a_script_can_be_run_at_once(a):
    script = a.add_script("hello", SOURCE)
    assert a.run(script, {"name": "you"}).wait(LONG).result["hello"] == "you"
    assert a.run(script).wait(LONG).result["hello"] == "world"
    assert [agent.name for agent in a.agents(script=script)] == ["hello"]


def test_a_script_runs_by_the_agent_of_its_name_and_never_by_another_scripts(idle):
    script = idle.add_script("hello", SOURCE)
    runs = [idle.run(script), idle.run(script)]
    script.update(name="Hello")
    runs.append(idle.run(script))
    assert {execution.agent_id for execution in runs} == {idle.agent("hello").id}
    other = idle.add_script("other", SOURCE)
    idle.add_agent("other", script)
    with pytest.raises(automa.ExistsError, match="other"):
        idle.run(other)
    assert len(idle.agents()) == 2


def test_things_are_found_by_name_in_any_case_among_many(idle):
    script = idle.add_script("Übung", SOURCE)
    agent = idle.add_agent("Übung", script)
    job = idle.add_job("Übung", agent)
    for number in range(20):
        idle.add_agent(f"agent {number}", script)
    assert (idle.script("übung"), idle.agent("ÜBUNG"), idle.job("übung")) == (script, agent, job)
    assert idle.agents(script="ÜBUNG")[0] == agent
    job.update(name="practice")
    assert idle.job("Practice") == job
    with pytest.raises(automa.NotFoundError, match="bung"):
        idle.job("Übung")


def test_a_job_can_be_run_beside_its_schedule(a):
    a.add_script("hello", SOURCE)
    a.add_agent("greeter", "hello")
    job = a.add_job("by hand", "greeter", input={"name": "Ada"})
    assert (job.cron, job.every, job.at, job.next_at) == (None, None, None, None)
    assert a.run(job).wait(LONG).result["hello"] == "Ada"
    assert a.run(job, {"name": "Bob"}).wait(LONG).result["hello"] == "Bob"


def test_a_failing_script_says_why(a):
    execution = a.run(a.add_script("broken", "x = 1\nprint(x / 0)")).wait(LONG)
    assert (execution.status, execution.exit_code, execution.result) == ("failed", 1, None)
    assert "ZeroDivisionError" in execution.reason
    assert 'File "broken.py", line 2' in execution.stderr


def test_limits_end_an_execution(a):
    script = a.add_script("sleeps", "import time\nprint('begun')\ntime.sleep(600)")
    agent = a.add_agent("short", script, timeout=timedelta(milliseconds=300))
    execution = a.run(agent).wait(LONG)
    assert execution.status == "timed_out"
    assert execution.stdout == "begun\n"


def test_an_execution_can_be_cancelled_while_it_is_followed(a):
    execution = a.run(a.add_script("sleeps", "import time\nprint('begun')\ntime.sleep(600)"))
    logs = execution.logs()
    assert next(logs)[0] == "stdout"
    begun = time.monotonic()
    execution.cancel()
    assert "".join(text for _, text in logs) in ("", "\n")
    assert execution.wait(LONG).status == "cancelled"
    assert time.monotonic() - begun < 10
    with pytest.raises(automa.StateError):
        execution.cancel()


def test_output_of_any_bytes_comes_back(a):
    source = "import sys\nfor part in (b'\\xe2', b'\\x82', b'\\xac\\xff\\x00\\n'):\n    sys.stdout.buffer.write(part)\n"
    execution = a.run(a.add_script("bytes", source)).wait(LONG)
    assert execution.output() == b"\xe2\x82\xac\xff\x00\n"
    assert b"".join(part for _, part in execution.logs(raw=True)) == execution.output()
    assert "".join(text for _, text in execution.logs()) == execution.stdout == "€\ufffd\0\n"


def test_a_character_in_pieces_is_put_together(a):
    source = "import os, time\nfor byte in '€ü𝄞'.encode():\n    os.write(1, bytes([byte]))\n    time.sleep(0.05)\n"
    execution = a.run(a.add_script("slow", source))
    assert "".join(text for _, text in execution.logs()) == "€ü𝄞"


def test_logs_without_following_end_at_once(idle):
    execution = idle.run(idle.add_script("hello", SOURCE))
    assert list(execution.logs(follow=False)) == []
    assert execution.status == "queued"


def test_things_can_be_changed_and_read_again(a):
    script = a.add_script("hello", SOURCE)
    script.upload("print('two')")
    assert (script.version, script.source(1), script.source()) == (2, SOURCE, "print('two')")
    script.update(name="other", description="another")
    same = a.script("OTHER")
    assert same == script
    assert hash(same) == hash(script)
    assert (same.name, same.description, same.version, same.file_name) == ("other", "another", 2, "other.py")
    agent = a.add_agent("greeter", script, environment={"MODE": "test"}, version=1)
    agent.update(memory=64 * 1024 * 1024, timeout=1.5, config={"a": [1]}, version="latest", restart="on_failure")
    agent = a.agent(agent.id)
    assert (agent.memory, agent.timeout, agent.config) == (2**26, timedelta(seconds=1.5), {"a": [1]})
    assert (agent.version, agent.environment, agent.restart) == (None, {"MODE": "test"}, "on_failure")
    assert (agent.network, agent.backend, agent.cpu_millis, agent.started) == (False, "auto", 1000, False)
    job = a.add_job("daily", agent, cron="@daily", zone="europe/berlin", retry=automa.Retry(attempts=5, on=["failed"]))
    assert (job.cron, job.zone, job.enabled) == ("@daily", "Europe/Berlin", True)
    assert job.retry == automa.Retry(attempts=5, on=["failed"])
    job.update(every="90s", enabled=False, overlap="allow", misfire="skip", input={"x": None})
    job = a.job("daily")
    assert (job.cron, job.every, job.enabled, job.next_at) == (None, timedelta(seconds=90), False, None)
    assert (job.overlap, job.misfire, job.input) == ("allow", "skip", {"x": None})
    job.delete()
    agent.delete()
    script.delete()
    assert (a.jobs(), a.agents(), a.scripts()) == ([], [], [])


def test_a_change_of_an_old_state_is_refused_when_that_is_asked(a):
    script = a.add_script("hello", SOURCE)
    old = script.revision
    script.update(description="one")
    with pytest.raises(automa.StaleError):
        script.update(description="two", revision=old)
    script.update(description="three", revision=script.revision)
    assert a.script("hello").description == "three"


def test_what_is_in_use_is_not_removed(a):
    script = a.add_script("hello", SOURCE)
    agent = a.add_agent("greeter", script)
    a.add_job("daily", agent, cron="@daily")
    for thing in (script, agent):
        with pytest.raises(automa.InUseError):
            thing.delete()


def test_an_agent_can_be_started_and_stopped(a):
    agent = a.add_agent("server", a.add_script("serves", "import time\ntime.sleep(600)"))
    execution = agent.start()
    assert agent.started
    assert execution.origin == "start"
    with pytest.raises(automa.StateError):
        agent.start()
    agent.stop()
    assert not agent.started
    assert execution.wait(LONG).status == "cancelled"


def test_instants_are_aware_and_right(a):
    schedule = {"cron": "30 2 * * *", "zone": "Europe/Berlin"}
    for instant in a.preview(3, **schedule):
        assert instant.tzinfo is timezone.utc
        assert (instant.hour, instant.minute) in ((0, 30), (1, 30), (1, 0))
    agent = a.add_agent("greeter", a.add_script("hello", SOURCE))
    job = a.add_job("nightly", agent, **schedule)
    assert a.next_runs(job, 3) == a.preview(3, **schedule)
    assert job.next_at == a.next_runs(job, 1)[0]
    at = datetime(2099, 12, 31, 23, 59, 59, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    once = a.add_job("once", agent, at=at)
    assert once.at == at
    assert a.next_runs(once) == [at]
    anchor = datetime(2000, 1, 1, tzinfo=timezone.utc)
    assert a.add_job("often", agent, every=timedelta(hours=1), anchor=anchor).anchor == anchor
    assert a.preview() == []


def test_lists_are_filtered_and_limited(idle):
    script = idle.add_script("hello", SOURCE)
    agent, other = (idle.add_agent(name, script) for name in ("one", "two"))
    job = idle.add_job("job", agent)
    mine = [idle.run(job) for _ in range(3)]
    theirs = idle.run(other)
    assert idle.executions() == [theirs, *reversed(mine)]
    assert idle.executions(limit=2) == [theirs, mine[2]]
    assert idle.executions(job=job) == list(reversed(mine))
    assert idle.executions(agent="two") == [theirs]
    mine[0].cancel()
    assert idle.executions(status="cancelled") == [mine[0]]
    assert idle.execution(theirs.id) == theirs
    assert idle.jobs(agent=other) == []
    assert idle.jobs(agent=agent) == [job]


def test_the_audit_log_verifies(a):
    a.add_script("hello", SOURCE)
    found = a.verify_audit()
    assert found
    assert (found.ok, found.damage, found.damaged_at) == (True, None, None)
    assert found.events >= 2
    assert len(found.head) == 64


def test_everything_has_a_readable_form(a):
    script = a.add_script("hello", SOURCE)
    agent = a.add_agent("greeter", script)
    job = a.add_job("daily", agent, cron="@daily")
    execution = a.run(job).wait(LONG)
    things = (a, script, agent, job, execution, execution.usage, job.retry, a.verify_audit())
    assert all("automa." in repr(thing) for thing in things)
    assert repr(execution) == f"<automa.Execution {execution.id} succeeded>"
