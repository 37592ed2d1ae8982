"""The quick start: a script, an agent and a job that runs it every second, in a folder of its own.

Run it with `python quickstart.py` after `maturin develop` in automa-py.
"""

import asyncio
import tempfile
from pathlib import Path

import automa

SCRIPT = """
import automa

def main(name, times=3):
    for number in range(times):
        print(f"{number}: {automa.config['greeting']}, {name}")
    return {"greeted": name, "times": times}
"""


def in_a_thread(folder):
    """The plain way: every method waits, and Ctrl-C ends the waiting."""
    with automa.open(folder) as a:
        script = a.add_script("greet", SCRIPT)
        agent = a.add_agent("greeter", script, config={"greeting": "Good day"}, memory="128M", timeout="30s")

        # Now, and once.
        execution = a.run(agent, {"name": "Ada"}).wait(timeout="1m")
        print(execution.status, execution.result)
        print(execution.stdout, end="")

        # On a schedule: an interval here; cron="*/5 * * * *", zone="Europe/Berlin" works the same way.
        job = a.add_job("every-second", agent, every=1, input={"name": "Grace", "times": 1})
        print("next at", *(at.strftime("%H:%M:%S") for at in a.next_runs(job, 3)))
        execution = a.next_execution(job, timeout="30s").wait(timeout="1m")
        print(execution.origin, execution.result)
        job.delete()

        # What is wrong with something is said all at once.
        try:
            a.add_job("never", agent, cron="61 25 * * FUNDAY")
        except automa.InvalidError as error:
            for problem in error.problems:
                print(f"{problem.field}: {problem.message}")


async def in_asyncio(folder):
    """The same folder again, from coroutines: every method that waits has a twin that ends in _async."""
    async with await automa.open_async(folder) as a:
        agent = await a.agent_async("greeter")
        executions = await asyncio.gather(*(a.run_async(agent, {"name": name}) for name in ("Alan", "Edsger")))
        for execution in executions:
            async for _stream, text in execution.logs():
                print(text, end="")
            await execution.wait_async()
        print([execution.result["greeted"] for execution in executions])
        print(await a.verify_audit_async())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        in_a_thread(Path(temporary) / "data")
        asyncio.run(in_asyncio(Path(temporary) / "data"))
