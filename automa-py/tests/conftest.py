"""What the tests share: an open engine in a folder of its own, and programs that run in a process of theirs."""

import subprocess
import sys
import textwrap

import pytest

import automa

# Long enough for a busy machine; a test that needs it has failed.
LONG = 60


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def a(folder):
    with automa.open(folder) as opened:
        yield opened


@pytest.fixture
def idle(folder):
    """An engine that runs nothing: what is queued stays queued."""
    with automa.open(folder, start=False) as opened:
        yield opened


@pytest.fixture
def program():
    """Starts Python programs, with stdout as text; those that still run in the end are killed."""
    started = []

    def start(source, *args):
        command = [sys.executable, "-u", "-c", textwrap.dedent(source), *map(str, args)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
