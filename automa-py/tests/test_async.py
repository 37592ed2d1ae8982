"""asyncio: many at once, cancelling the waiting and not the work, the same objects as in threads."""

import asyncio
import time

import pytest
from conftest import LONG

import automa

SLEEPS = "import time\nprint('begun', flush=True)\ntime.sleep(600)"


def run(coroutine):
    async def limited():
        return await asyncio.wait_for(coroutine, LONG)

    return asyncio.run(limited())


def test_the_whole_path_in_coroutines(folder):
    async def main():
        async with await automa.open_async(folder) as a:
            script = await a.add_script_async("hello", "def main(name):\n    print('working')\n    return name")
            agent = await a.add_agent_async("greeter", script, memory="64M")
            job = await a.add_job_async("often", agent, every=1, input={"name": "Ada"})
            execution = await a.next_execution_async(job, timeout=LONG)
            assert await execution.wait_async(LONG) is execution
            assert (execution.status, execution.result) == ("succeeded", "Ada")
            assert "".join([text async for _, text in execution.logs()]) == "working\n"
            assert await execution.output_async("stdout") == b"working\n"
            assert len(await a.next_runs_async(job, 3)) == 3
            assert len(await a.preview_async(2, cron="@hourly")) == 2
            assert await a.jobs_async() == [job]
            assert await a.agents_async(script=script) == [agent]
            assert await a.scripts_async() == [script]
            assert await a.script_async("hello") == script
            assert await a.agent_async("greeter") == agent
            assert await a.job_async(job.id) == job
            await job.update_async(enabled=False)
            assert execution in await a.executions_async(job=job)
            assert await a.execution_async(execution.id) == execution
            await script.upload_async("print(2)")
            await script.update_async(description="two")
            assert await script.source_async() == "print(2)"
            for thing in (script, agent, job, execution):
                await thing.refresh_async()
            await agent.update_async(memory="65M")
            await job.delete_async()
            await agent.delete_async()
            await script.delete_async()
            assert await a.verify_audit_async()
        assert a.closed

    run(main())


def test_many_executions_are_awaited_at_once(a):
    agent = a.add_agent("doubler", a.add_script("double", "def main(n):\n    return 2 * n"))

    async def one(number):
        return (await (await a.run_async(agent, {"n": number})).wait_async()).result

    async def main():
        return await asyncio.gather(*(one(number) for number in range(32)))

    assert run(main()) == [2 * number for number in range(32)]


def test_the_loop_goes_on_while_something_is_awaited(a):
    execution = a.run(a.add_script("sleeps", SLEEPS))

    async def main():
        waiting = asyncio.ensure_future(execution.wait_async())
        for _ in range(10):
            await asyncio.sleep(0.01)
        assert not waiting.done()
        await execution.cancel_async()
        assert (await waiting).status == "cancelled"

    run(main())


def test_cancelling_a_task_stops_the_waiting_only(a):
    execution = a.run(a.add_script("sleeps", SLEEPS))

    async def main():
        waiting = asyncio.create_task(forward(execution.wait_async()))
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(execution.wait_async(), 0.1)
        with pytest.raises(TimeoutError):
            await execution.wait_async(timeout=0.1)

    run(main())
    execution.refresh()
    assert execution.status in ("queued", "running")
    execution.cancel()
    assert execution.wait(LONG).status == "cancelled"


def test_a_change_whose_waiting_was_cancelled_is_made_all_the_same(folder):
    async def main(a):
        for number in range(20):
            adding = a.add_script_async(f"script {number}", "pass")
            if number % 2:
                await asyncio.sleep(0)
            adding.cancel()

    # Closing waits for what was begun.
    with automa.open(folder) as a:
        run(main(a))
    with automa.open(folder, start=False) as a:
        assert {script.name for script in a.scripts()} == {f"script {number}" for number in range(20)}
        assert a.verify_audit()


def test_logs_are_followed_as_they_come(a):
    source = "import time\nfor n in range(3):\n    print(n, flush=True)\n    time.sleep(0.3)"
    execution = a.run(a.add_script("counts", source))
    seen = []

    async def main():
        async for stream, text in execution.logs():
            seen.append((time.monotonic(), stream, text))

    run(main())
    assert "".join(text for _, _, text in seen) == "0\n1\n2\n"
    assert seen[-1][0] - seen[0][0] > 0.3


def test_a_wait_for_the_next_piece_can_be_repeated(a):
    execution = a.run(a.add_script("late", "import time\ntime.sleep(1)\nprint('at last')"))

    async def main():
        logs = execution.logs()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext_of(logs), 0.2)
        return "".join([text async for _, text in logs])

    assert run(main()) == "at last\n"


def test_errors_are_the_same(a):
    async def main():
        with pytest.raises(automa.NotFoundError):
            await a.script_async("absent")
        with pytest.raises(automa.InvalidError) as caught:
            await a.add_script_async("script", "def")
        assert caught.value.problems[0].field == "source"
        with pytest.raises(automa.InvalidError):
            a.add_script_async("", "pass")

    run(main())


def test_without_a_running_loop_it_says_so_and_does_nothing(a):
    with pytest.raises(RuntimeError, match="no running event loop"):
        a.add_script_async("hello", "pass")
    assert a.scripts() == []


def test_a_block_that_was_cancelled_ends_at_once(folder):
    async def main(begun):
        async with await automa.open_async(folder) as a:
            execution = await a.run_async(await a.add_script_async("sleeps", SLEEPS))
            async for _ in execution.logs():
                break
            begun.set()
            await execution.wait_async()

    async def hurried():
        begun = asyncio.Event()
        task = asyncio.create_task(main(begun))
        await begun.wait()
        cancelled = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - cancelled

    assert run(hurried()) < 8
    with automa.open(folder, start=False) as a:
        assert [execution.status for execution in a.executions()] == ["queued", "lost"]


async def forward(awaitable):
    return await awaitable


async def anext_of(iterator):
    return await iterator.__anext__()
