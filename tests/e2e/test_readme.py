"""The README's command blocks run, in order, in a home of their own, and show what it pasted."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from flows.supervisor.screen import screen
from pipeline.setups.rules import parse_setup

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PLACES = ("TELEGRAM_BOT_TOKEN", "DATABASE_URL", "REDIS_URL", "OWNER_IDS")
FIGURE = re.compile(r"^  (?!variant)[a-z][a-z -]* {2,}[-+\d]")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", README, re.DOTALL)


class Terminal:
    """Runs the README's lines as a reader would; without Prefect, `scout` computes itself."""

    def __init__(self, folder):
        self.folder = folder
        self.home = folder / ".scout"
        clean = {
            k: v for k, v in os.environ.items() if k not in PLACES and not k.startswith("PREFECT")
        }
        self.env = {**clean, "SCOUT_HOME": str(self.home), "PYTHONPATH": str(ROOT)}

    def python(self, *words):
        return subprocess.run(
            [sys.executable, *words],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def scout(self, line):
        words = shlex.split(line)[1:]
        return self.python("-c", "from flows.cli import main; main()", *words)

    def run(self, line):
        """Run one line and return what it printed."""
        if line.startswith("make "):
            return self.make(line.split()[1])
        if line == "source .venv/bin/activate":
            return ""
        assert line.startswith("scout "), f"the README has a line that no test can run: {line}"
        done = self.scout(line)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def make(self, target):
        """Find the target; of `run`, do what it does before its parts start.

        The parts themselves are started and stopped in test_whole_set.py.
        """
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
        if target == "run":
            assert "-m flows.supervisor" in makefile
            done = self.python("-m", "flows.supervisor.prepare")
            assert done.returncode == 0, done.stderr
        return ""


@pytest.fixture(scope="module")
def terminal(tmp_path_factory):
    terminal = Terminal(tmp_path_factory.mktemp("reader"))
    rules = terminal.home / "rules"
    rules.mkdir(parents=True)
    for text in blocks("yaml"):
        setup = parse_setup(text, "README.md")
        assert f".scout/rules/{setup.setup_id}.yaml" in README
        (rules / f"{setup.setup_id}.yaml").write_text(text, encoding="utf-8")
    return terminal


def test_every_command_block_runs(terminal):
    lines = [line for block in blocks("bash") for line in block.splitlines() if line.strip()]
    assert lines.index("make run") < next(i for i, s in enumerate(lines) if s.startswith("scout"))
    printed = {line: terminal.run(line) for line in lines}
    assert "Frankfurt_engulf_v1" in printed["scout setups"]
    assert "SYNTHETIC" in printed["scout data"]
    assert "SYNTHETIC" in printed["scout backtest Frankfurt_engulf_v1 GER40 M5 2025-05..2025-06"]
    assert re.search(r"bt_\d{4}_\d\d_\d\d_001  completed", printed["scout runs"])


def test_the_pasted_result_is_what_comes(terminal):
    pasted = next(block for block in blocks("text") if block.startswith("$ scout backtest"))
    line = pasted.splitlines()[0].removeprefix("$ ")
    if not (terminal.home / "bars").exists():
        terminal.make("run")
    printed = terminal.run(line)
    figures = [row for row in pasted.splitlines() if FIGURE.match(row)]
    assert len(figures) == 9
    assert [row for row in figures if row not in printed] == []
    assert "(SYNTHETIC bars)" in printed


def test_the_chat_line_is_the_same_request():
    (chat,) = [b.strip() for b in blocks("text") if b.startswith("/backtest")]
    pasted = next(block for block in blocks("text") if block.startswith("$ scout backtest"))
    assert pasted.splitlines()[0] == f"$ scout {chat.removeprefix('/')}"


def test_the_screen_is_told_as_it_is():
    held = {"symbol": "GER40", "timeframe": "M1", "bars": 1, "synthetic": True}
    held |= {"first": "2025-01-02T00:15:00Z", "last": "2025-12-30T20:59:00Z"}
    state = {"holdings": [held], "setups": ["Frank_raid_v1"], "problems": []}
    state["owner_code"] = "1a2b3c4d5e6f"
    shown = screen("home", [], [], state, "http://127.0.0.1:8088/")
    (told,) = [block for block in blocks("text") if "Owner    send" in block]
    assert [line for line in told.splitlines() if line not in shown.splitlines()] == []


def test_the_readme_has_a_motto_a_chart_and_the_names_of_what_is_kept():
    assert re.match(r"# Setup Scout\n\n\*.+\*\n", README)
    assert README.index("![") < README.index("## ")
    services = "".join(
        (ROOT / name).read_text(encoding="utf-8")
        for name in ("flows/adapters.py", "flows/services.py", "storage/places.py")
    )
    places = re.findall(r"^\| `(\w+)/` \|", README, re.MULTILINE)
    assert len(places) > 4
    assert [p for p in places if f'"{p}"' not in services and p != "logs"] == []
