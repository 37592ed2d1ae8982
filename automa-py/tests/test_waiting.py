"""Waiting in threads: Ctrl-C ends it, others go on meanwhile, a time that is up says so."""

import signal
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import LONG

import automa

SLEEPS = "import time\nprint('begun', flush=True)\ntime.sleep(600)"


@pytest.mark.parametrize("timeout", [0, 0.2, "200ms", timedelta(milliseconds=200)])
def test_a_time_that_is_up_ends_the_waiting_and_not_the_execution(a, timeout):
    execution = a.run(a.add_script("sleeps", SLEEPS))
    with pytest.raises(TimeoutError, match="it goes on"):
        execution.wait(timeout)
    assert execution.status in ("queued", "running")
    execution.cancel()
    assert execution.wait(LONG).status == "cancelled"


def test_waiting_for_what_has_ended_returns_at_once(a):
    execution = a.run(a.add_script("hello", "print('hello')")).wait(LONG)
    begun = time.monotonic()
    assert execution.wait(0).status == "succeeded"
    assert execution.wait().status == "succeeded"
    assert time.monotonic() - begun < 5


def test_other_threads_go_on_while_one_waits(a):
    execution = a.run(a.add_script("sleeps", SLEEPS))
    count = 0
    waiting = threading.Thread(target=execution.wait, args=(LONG,))
    waiting.start()
    # Each turn needs the interpreter's lock: with it held, this would not get through before the waiting ends.
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        count += 1
    assert waiting.is_alive()
    assert count > 1_000
    execution.cancel()
    waiting.join(LONG)
    assert not waiting.is_alive()
    assert execution.status == "cancelled"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts how often a thread wakes")
def test_a_thread_that_waits_and_hears_no_signals_sleeps(a):
    execution = a.run(a.add_script("sleeps", SLEEPS))
    next(execution.logs())
    waiting = threading.Thread(target=execution.wait, args=(LONG,))
    waiting.start()

    def wakings():
        text = Path(f"/proc/self/task/{waiting.native_id}/status").read_text()
        return int(text.partition("\nvoluntary_ctxt_switches:")[2].split()[0])

    # It looks for signals once before it knows that none can come.
    time.sleep(0.5)
    before = wakings()
    time.sleep(1)
    assert wakings() - before <= 2
    execution.cancel()
    waiting.join(LONG)
    assert execution.status == "cancelled"


def test_many_threads_can_use_one_engine(a):
    script = a.add_script("double", "def main(n):\n    return 2 * n")
    agent = a.add_agent("doubler", script)
    results = {}

    def work(number):
        results[number] = a.run(agent, {"n": number}).wait(LONG).result

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert results == {number: 2 * number for number in range(16)}


WAITS = """
import sys, automa

with automa.open(sys.argv[1]) as a:
    execution = a.run(a.add_script("sleeps", "import time\\nprint('begun', flush=True)\\ntime.sleep(600)"))
    next(execution.logs())
    try:
        print(execution.id)
        {waits}
    except KeyboardInterrupt:
        print("interrupted")
        raise
"""


IN_ASYNCIO = """async def wait():
            await execution.wait_async()
        import asyncio
        asyncio.run(wait())"""


@pytest.mark.parametrize(
    "waits",
    [
        "execution.wait()",
        "list(execution.logs())",
        "a.next_execution(a.add_job('never', a.agents()[0]))",
        IN_ASYNCIO,
    ],
    ids=["wait", "logs", "next_execution", "asyncio"],
)
def test_ctrl_c_ends_the_waiting_and_the_folder_is_given_back(program, folder, waits):
    process = program(WAITS.replace("{waits}", waits), folder)
    execution = process.stdout.readline().strip()
    # Now it waits, or is about to; either way it must end.
    time.sleep(0.2)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LONG)
    assert time.monotonic() - begun < 10
    assert "interrupted" in out
    assert "KeyboardInterrupt" in err
    assert process.returncode == -signal.SIGINT
    with automa.open(folder, start=False) as a:
        assert a.execution(execution).status == "lost"
        assert a.verify_audit()


def test_a_signal_handler_that_does_not_raise_lets_the_waiting_go_on(a):
    seen = []
    execution = a.run(a.add_script("short", "import time\ntime.sleep(1)"))
    before = signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
    try:
        timer = threading.Timer(0.2, signal.raise_signal, [signal.SIGUSR1])
        timer.start()
        assert execution.wait(LONG).status == "succeeded"
        assert seen == [1]
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_closing_ends_the_waiting_of_others(folder):
    a = automa.open(folder)
    execution = a.run(a.add_script("sleeps", SLEEPS))
    job = a.add_job("never", a.agents()[0])
    a.run(job).cancel()
    last = a.next_execution(job)
    raised = []

    def wait():
        try:
            a.next_execution(job, after=last)
        except automa.Error as error:
            raised.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.2)
    a.close(grace=0)
    waiting.join(LONG)
    assert [type(error) for error in raised] == [automa.ShutDownError]
    with pytest.raises(automa.ShutDownError, match="was closed"):
        execution.wait()


def test_closing_waits_for_what_runs(folder):
    with automa.open(folder) as a:
        execution = a.run(a.add_script("short", "import time\nprint('begun')\ntime.sleep(1)\nprint('done')"))
        next(execution.logs())
    with automa.open(folder, start=False) as a:
        assert a.execution(execution.id).status == "succeeded"
        assert a.execution(execution.id).stdout == "begun\ndone\n"
