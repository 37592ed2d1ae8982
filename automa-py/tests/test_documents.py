"""The code in the README and in the guide runs as it stands."""

import asyncio
import re
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def code(path):
    """The blocks of Python in a document, in order: they share a folder."""
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / path).read_text(), re.DOTALL | re.MULTILINE)
    assert blocks
    return blocks


def run(block):
    if "await" in block:
        body = textwrap.indent(block, "    ")
        block = f"import automa\nasync def main():\n{body}\n"
        names = {}
        exec(compile(block, "block", "exec"), names)
        asyncio.run(names["main"]())
    else:
        exec(compile(block, "block", "exec"), {})


@pytest.mark.parametrize("path", ["automa-py/README.md", "docs/src/python.md"])
def test_code_runs_as_it_stands(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for block in code(path):
        run(block)
    assert capsys.readouterr().out.startswith("succeeded hello world working\n")
