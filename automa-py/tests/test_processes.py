"""Folders and processes: one process at a time, nothing acknowledged lost, no harm from forks and sudden ends."""

import re
import signal
import sys

import pytest
from conftest import LONG

import automa


def test_a_folder_that_another_process_has_open_is_refused(program, folder):
    process = program("import sys, automa, time\na = automa.open(sys.argv[1])\nprint('open')\ntime.sleep(600)", folder)
    assert process.stdout.readline() == "open\n"
    with pytest.raises(automa.FolderInUseError, match=str(process.pid)) as caught:
        automa.open(folder)
    assert caught.value.code == "folder_in_use"
    assert str(folder) in str(caught.value)
    process.kill()
    process.wait(LONG)
    automa.open(folder).close()


def test_a_folder_cannot_be_open_twice_in_one_process(a, folder):
    with pytest.raises(automa.FolderInUseError):
        automa.open(folder)


def test_a_folder_that_is_not_ours_is_refused_and_left_alone(tmp_path):
    (tmp_path / "diary.txt").write_text("dear diary")
    with pytest.raises(automa.FolderForeignError):
        automa.open(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_a_folder_of_a_newer_version_is_refused_and_left_alone(folder):
    automa.open(folder).close()
    mark = folder / "format"
    newer = re.sub(r"(\nformat )1\n", r"\g<1>99\n", mark.read_text())
    mark.write_text(newer)
    with pytest.raises(automa.FolderNewerError, match="99") as caught:
        automa.open(folder)
    assert caught.value.code == "folder_newer"
    assert mark.read_text() == newer


def test_a_path_that_is_no_folder_is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(automa.FolderError) as caught:
        automa.open(path)
    assert (type(caught.value), caught.value.code) == (automa.FolderError, "folder_unusable")


def test_reopening_finds_everything(folder):
    with automa.open(folder) as a:
        script = a.add_script("hello", "print('hello')\ndef main():\n    return 5")
        execution = a.run(script).wait(LONG)
    assert a.closed
    a.close()
    with automa.open(str(folder)) as b:
        assert b.path == folder
        assert b.script("hello") == script
        again = b.execution(execution.id)
        assert (again.status, again.result, again.stdout) == ("succeeded", 5, "hello\n")
        assert b.verify_audit()


def test_whatever_is_used_after_closing_says_so(folder):
    with automa.open(folder) as a:
        script = a.add_script("hello", "pass")
    for call in (a.scripts, script.refresh, a.verify_audit, a.start, lambda: a.run(script)):
        with pytest.raises(automa.ShutDownError, match="was closed"):
            call()
    assert script.name == "hello"


def test_dropping_it_gives_the_folder_back(folder):
    for _ in range(3):
        script = automa.open(folder).add_script
        del script
    execution = None
    a = automa.open(folder)
    execution = a.run(a.add_script("hello", "pass"))
    del a
    # What came out of it keeps it open.
    assert execution.wait(LONG).status == "succeeded"
    del execution
    automa.open(folder).close()


@pytest.mark.skipif(sys.platform == "win32", reason="a file's size cannot be limited")
def test_closing_gives_the_folder_back_when_its_last_write_fails(program, folder):
    source = """
        import resource, sys, threading, automa
        a = automa.open(sys.argv[1])
        script = a.add_script("hello", "pass")
        job = a.add_job("never", a.add_agent("agent", script))
        begun = threading.Event()
        heard = []

        def wait():
            begun.set()
            try:
                a.next_execution(job)
            except automa.Error as error:
                heard.append(type(error).__name__)

        waiting = threading.Thread(target=wait)
        waiting.start()
        begun.wait()
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, most))
        try:
            a.close()
        except automa.DiskFullError as error:
            print(error.code, a.closed)
        waiting.join()
        print(*heard)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        a.close()
        with automa.open(sys.argv[1]) as a:
            print(a.script("hello") == script, bool(a.verify_audit()))
    """
    process = program(source, folder)
    out, err = process.communicate(timeout=LONG)
    assert (out.splitlines(), err) == (["disk_full True", "ShutDownError", "True True"], "")


def test_the_end_of_the_interpreter_shuts_it_down(program, folder):
    source = """
        import sys, automa
        a = automa.open(sys.argv[1])
        execution = a.run(a.add_script("sleeps", "import time\\nprint(1)\\ntime.sleep(600)"))
        next(execution.logs())
        print(execution.id)
    """
    process = program(source, folder)
    out, err = process.communicate(timeout=LONG)
    assert (process.returncode, err) == (0, "")
    with automa.open(folder, start=False) as a:
        # Only a shutdown says this; what a sudden end left behind is found at the next start.
        execution = a.execution(out.strip())
        assert execution.status == "lost"
        assert "shut down" in execution.reason


def test_what_a_kill_left_behind_is_lost_and_tried_again(program, folder):
    source = """
        import sys, automa
        a = automa.open(sys.argv[1])
        script = a.add_script("first", "print('first')")
        done = a.run(script).wait()
        sleeps = a.run(a.add_script("sleeps", "import time\\nprint(1)\\ntime.sleep(600)"))
        next(sleeps.logs())
        print(done.id, sleeps.id)
        for number in range(1_000_000):
            print(a.add_script(f"script {number}", "pass").id)
    """
    process = program(source, folder)
    done, sleeps = process.stdout.readline().split()
    acknowledged = [process.stdout.readline().strip() for _ in range(20)]
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate(timeout=LONG)
    # The last line may have been cut off.
    acknowledged += [line for line in rest.splitlines() if len(line) == 36]
    with automa.open(folder) as a:
        known = {script.id for script in a.scripts()}
        assert set(acknowledged) <= known
        assert a.execution(done).status == "succeeded"
        assert a.execution(done).stdout == "first\n"
        assert a.execution(sleeps).status == "lost"
        retried = a.executions(agent="sleeps")[0]
        assert (retried.id != sleeps, retried.attempt) == (True, 2)
        retried.cancel()
        assert a.verify_audit()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_child_is_told_and_does_no_harm(program, folder):
    source = """
        import os, sys, warnings, automa
        warnings.simplefilter("ignore")
        a = automa.open(sys.argv[1])
        script = a.add_script("hello", "pass")
        child = os.fork()
        if child == 0:
            for call in (a.scripts, script.refresh, lambda: a.run(script), lambda: automa.open(sys.argv[1] + "2")):
                try:
                    call()
                except RuntimeError as error:
                    assert "fork" in str(error), error
                else:
                    os._exit(3)
            with a:
                pass
            del a, script
            sys.exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status))
        print(a.run(script).wait().status)
        a.close()
    """
    process = program(source, folder)
    out, err = process.communicate(timeout=LONG)
    assert (out.split(), err, process.returncode) == (["0", "succeeded"], "", 0)


def test_a_process_that_only_imported_it_can_fork_and_open_in_the_child(program, folder):
    source = """
        import os, sys, automa
        child = os.fork()
        if child == 0:
            with automa.open(sys.argv[1]) as a:
                a.add_script("hello", "pass")
            sys.exit(0)
        _, status = os.waitpid(child, 0)
        with automa.open(sys.argv[1]) as a:
            print(os.waitstatus_to_exitcode(status), len(a.scripts()))
    """
    process = program(source, folder)
    out, err = process.communicate(timeout=LONG)
    assert (out.split(), err) == (["0", "1"], "")


def test_a_thread_that_still_waits_does_not_hold_up_the_end(program, folder):
    source = """
        import sys, threading, automa
        a = automa.open(sys.argv[1])
        execution = a.run(a.add_script("sleeps", "import time\\nprint(1)\\ntime.sleep(600)"))
        next(execution.logs())

        def wait():
            try:
                execution.wait()
            except automa.ShutDownError:
                pass

        threading.Thread(target=wait, daemon=True).start()
    """
    process = program(source, folder)
    out, err = process.communicate(timeout=LONG)
    assert (process.returncode, out, err) == (0, "", "")
