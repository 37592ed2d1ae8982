# Builds the guest: `python build.py OUTPUT.wasm`, in an environment that has what requirements.txt names.
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import distribution
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = ("app.py", "library.py", "loop.py", "report.py", "script.py", "space.py", "zones.py")


def build(output):
    """Puts exactly our sources and the time zones into a folder, and makes a component of them and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in SOURCES:
            shutil.copy(HERE / name, root / name)
        shutil.copytree(distribution("tzdata").locate_file("tzdata"), root / "tzdata")
        # The tool adds the site-packages of whatever environment it finds: it is given one that has none.
        empty = root / "empty"
        empty.mkdir()
        environment = {**os.environ, "VIRTUAL_ENV": str(empty), "PYTHONHASHSEED": "0"}
        tool = Path(sys.executable).parent / "componentize-py"
        command = [tool, "-q", "-d", HERE / "guest.wit", "-w", "guest", "componentize", "app", "-o", output]
        subprocess.run(command, cwd=root, env=environment, check=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python build.py OUTPUT.wasm")
    build(Path(sys.argv[1]).resolve())
