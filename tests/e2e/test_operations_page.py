"""docs/operations.md on a clean folder: its command blocks run, its tables name what there is."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap

import pytest

from tests.kit.compose_file import ROOT, read_compose

PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
SERVICES = read_compose({})["services"]
COMPOSE_WORDS = {"ps": set(), "logs": {"--since", "--tail"}, "stop": set(), "cp": set(),
                 "up": {"--detach", "--force-recreate"}, "exec": set()}  # fmt: skip
INSIDE = "/var/lib/scout"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def blocks():
    found = re.findall(r"^( *)```bash\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(text) for _, text in found]


def lines():
    return [line for block in blocks() for line in block.splitlines() if line.strip()]


def rows(heading):
    chapter = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [line.split("|")[1] for line in chapter.splitlines() if line.startswith("| `")]


def has_compose():
    docker = shutil.which("docker")
    words = [docker, "compose", "version"]
    return (
        docker is not None
        and subprocess.run(words, capture_output=True, check=False).returncode == 0
    )


class Stranger:
    """Follows the page in a folder with the project's files; what containers do, `scout` does here."""

    def __init__(self, folder):
        self.folder = folder
        self.home = folder / "home"
        for name in ("Makefile", "docker-compose.yml", ".env.example"):
            shutil.copy(ROOT / name, folder)
        shutil.copytree(ROOT / "deploy", folder / "deploy")
        clean = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("PREFECT", "TELEGRAM", "REDIS", "DATABASE"))
        }
        self.env = {**clean, "SCOUT_HOME": str(self.home), "PYTHONPATH": str(ROOT)}

    def call(self, *words, ok=(0,)):
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        assert done.returncode in ok, f"{words}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def prepare(self):
        self.call(sys.executable, "-m", "flows.supervisor.prepare")

    def follow(self, line):
        words = shlex.split(line)
        if words[:2] == ["docker", "compose"]:
            return self.compose(words[2], words[3:])
        if words == ["make", "run"]:  # tests/e2e/test_whole_set.py starts it
            return ""
        if words in (["make", "image"], ["make", "up"]):
            if has_compose():
                return (
                    ""  # building takes minutes: tests/e2e/test_compose_set.py does what follows
                )
            said = self.call(*words, ok=(2,))
            assert "`make run` needs neither" in said
            return said
        assert words[0] in ("make", "printf", "test"), f"a line that no test can follow: {line}"
        assert words[0] != "make" or words[1] == "secrets", line
        return self.call("/bin/sh", "-c", line)

    def compose(self, word, rest):
        options = [w for w in rest if w.startswith("--")] if word != "exec" else []
        assert {*options} <= COMPOSE_WORDS[word], rest
        if word == "exec":
            assert rest[0] in SERVICES and rest[1] == "scout"
            # 1: health is red here, where no part runs; the page says so of no other command
            return self.call(sys.executable, "-c", "from flows.cli import main; main()", *rest[2:],
                             ok=(0, 1) if rest[2] == "health" else (0,))  # fmt: skip
        if word == "cp":
            service, _, inside = rest[0].partition(":")
            assert service in SERVICES and (self.home / inside.removeprefix(f"{INSIDE}/")).is_dir()
            return ""
        named = [w for w in rest if not w.startswith("--") and not re.fullmatch(r"\d+h?", w)]
        assert {*named} <= {*SERVICES}, rest
        return ""


def test_a_stranger_follows_the_page(tmp_path):
    stranger = Stranger(tmp_path)
    stranger.prepare()
    said = {line: stranger.follow(line) for line in lines()}
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / ".env").read_text() == (tmp_path / ".env.example").read_text()
    token = (tmp_path / "secrets/telegram_bot_token").read_text()
    assert token == "123456:the-token-from-BotFather"
    assert "SYNTHETIC" in said["docker compose exec bot scout data"]
    assert re.search("Backup made", said["docker compose exec worker-local scout backup"])
    before = {p.name: p.read_text() for p in (tmp_path / "secrets").iterdir()}
    assert "made" not in stranger.follow("make secrets")
    assert before == {p.name: p.read_text() for p in (tmp_path / "secrets").iterdir()}
    assert {*re.findall(r"`(\w+)`", " ".join(rows("Secrets")))} == {*before}


def test_every_part_and_every_secret_is_told():
    assert {*re.findall(r"`([\w-]+)`", " ".join(rows("The parts")))} == {*SERVICES}
    told = {*re.findall(r"`(\w+)`", " ".join(rows("Secrets")))}
    assert {*read_compose({})["secrets"]} <= told


def test_secrets_are_taken_over_from_an_env_file(tmp_path):
    stranger = Stranger(tmp_path)
    (tmp_path / ".env").write_text("OWNER_IDS=1\nTELEGRAM_BOT_TOKEN='7:mine'\n")
    said = stranger.follow("make secrets")
    assert (tmp_path / "secrets/telegram_bot_token").read_text() == "7:mine"
    assert "7:mine" not in said and "BotFather" not in said
