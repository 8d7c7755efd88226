"""The docs name everything there is, their links lead somewhere, and they tell no stale name."""

import ast
import importlib.util
import re
from importlib import resources
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import typer
import yaml
from click import Group
from PIL import Image

from bot.commands import COMMANDS
from flows.backtest import BACKTEST_TASKS
from flows.cli import app
from flows.settings import Settings, setting_names
from pipeline.detectors import all_detectors
from pipeline.domain.errors import SetupError
from pipeline.domain.market import SESSIONS
from pipeline.domain.request import BacktestOptions
from pipeline.domain.trade import ExitReason, FillMode
from pipeline.setups import model
from pipeline.setups.rules import parse_setup

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
PICTURE_BYTES = 150_000
LINK = re.compile(r"\]\(([^)\s]+)\)")
PLACE = re.compile(r"`([\w./]+\.py):(\w+)`")
WORDS_OF_OTHERS = re.compile(
    r"/(work|root|tmp|home)/|\bissues?\b|\bpypi|workplace|DEFINITIONS|CONTRACTS"
)


def page(name):
    return (DOCS / name).read_text(encoding="utf-8")


def missing(words, text):
    return [w for w in words if not re.search(rf"(?<![\w/]){re.escape(w)}(?!\w)", text)]


def anchors(path):
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", t.lower()).strip().replace(" ", "-") for t in titles}


def cli_commands(group, before="scout"):
    for name, command in group.commands.items():
        if isinstance(command, Group):
            yield from cli_commands(command, f"{before} {name}")
        else:
            yield f"{before} {name}"


def library():
    folder = resources.files("pipeline.setups") / "library"
    for file in folder.iterdir():
        if file.name.endswith(".yaml"):
            yield parse_setup(file.read_text(encoding="utf-8"), file.name)


def test_every_chat_command_is_told_with_its_role():
    rows = [line for line in page("commands.md").splitlines() if line.startswith("| `/")]
    for command in COMMANDS:
        assert any(f"`/{command.word}" in row and command.role in row for row in rows), command


def test_every_cli_command_is_told():
    commands = list(cli_commands(typer.main.get_command(app)))
    assert len(commands) > 8
    assert not missing(commands, page("commands.md"))


def test_every_option_of_a_backtest_is_told():
    assert not missing(BacktestOptions.model_fields, page("commands.md"))


def test_every_setting_is_told_with_its_default():
    rows = [line for line in page("settings.md").splitlines() if line.startswith("| `")]
    for name, field in zip(setting_names(), Settings.model_fields.values(), strict=True):
        row = next((r for r in rows if r.startswith(f"| `{name}` |")), None)
        assert row, name
        if field.default not in (None, ()) and not field.default_factory:
            shown = row.split("|")[2].strip(" `")
            told = (
                re.split(", *", shown)
                if isinstance(field.default, tuple)
                else shown == "true"
                if isinstance(field.default, bool)
                else type(field.default)(shown)
            )
            wanted = (
                [f"{v:g}" if isinstance(v, float) else v for v in field.default]
                if isinstance(field.default, tuple)
                else field.default
            )
            assert told == wanted, name
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert not [n for n in setting_names() if not re.search(rf"^{n}=", example, re.MULTILINE)]


def test_every_setup_is_told_with_its_picture_and_variants():
    text = page("the-four-setups.md")
    for spec in library():
        assert f"## {spec.setup_id}" in text
        assert f"pictures/{spec.setup_id}.png" in text
        assert not missing(spec.variants, text)
        assert spec.setup_id in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_detector_and_its_parameters_are_told():
    text = page("detectors.md")
    for detector in all_detectors():
        chapter = text.partition(f"### {detector.name}:")[2].partition("\n### ")[0]
        assert chapter, detector.name
        assert not missing([*detector.parameters.model_fields, *detector.gives], chapter)
        assert f"**{detector.name}**" in text
    assert not missing(SESSIONS, text)


@pytest.fixture(scope="module")
def make_detectors():
    spec = importlib.util.spec_from_file_location("make_detectors", DOCS / "make_detectors.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_detectors_table_is_up_to_date(make_detectors):
    assert make_detectors.renewed(page("detectors.md")) == page("detectors.md"), (
        "run docs/make_detectors.py"
    )


@pytest.mark.slow
def test_the_detectors_pictures_are_up_to_date(make_detectors):
    """Pixel by pixel, with room for another machine's letters."""
    for path, png in make_detectors.pictures().items():
        kept, now = (np.asarray(Image.open(f).convert("RGB")) for f in (path, BytesIO(png)))
        assert kept.shape == now.shape
        differs = (np.abs(kept.astype(int) - now).max(axis=2) > 40).mean()
        assert differs < 0.002, f"{path.name}: run docs/make_detectors.py"


def test_every_word_of_a_setup_is_told():
    text = page("setups.md")
    parts = [v for v in vars(model).values() if isinstance(v, type) and v is not model.Words]
    for part in parts:
        if issubclass(part, model.Words):
            words = [f.alias or name for name, f in part.model_fields.items()]
            assert not missing([w for w in words if w != "settings"], text), part.__name__


def test_every_exit_reason_fill_mode_and_task_is_told():
    assert not missing([r.value for r in ExitReason], page("fills.md"))
    assert not missing([m.value for m in FillMode], page("fills.md"))
    assert not missing(BACKTEST_TASKS, page("life-of-a-signal.md"))


def test_setups_in_the_docs_are_read():
    """Whole ones as they stand; parts in place of those of the page's first."""
    blocks = re.findall(r"```yaml\n(.*?)```", page("setups.md"), re.DOTALL)
    whole = yaml.safe_load(blocks[0])
    assert len(blocks) > 5
    for block in blocks:
        part = yaml.safe_load(block)
        text = block if "setup_id" in part else yaml.safe_dump({**whole, **part}, sort_keys=False)
        parse_setup(text, "docs/setups.md")


@pytest.mark.parametrize(
    ("right", "wrong", "line"),
    [
        ("max_bars: 12", "maxbars: 12", "unknown word 'maxbars'; did you mean 'max_bars'?"),
        ("detector: engulfing", "detector: engulfin", "did you mean 'engulfing'?"),
        ('start: "09:00"', 'begin: "09:00"', "raid has no parameter 'begin'"),
        ("event: formed\n    max", "event: form\n    max", "'engulf' has no event 'form'"),
        ("behind: sweep.running_extreme", "behind: swep.low", "did you mean 'sweep'?"),
        ("tp: 2.0", "tp: 2.0, share: 0.5", "the shares don't add up to 1"),
        ("Europe/Berlin ", "Europe/Berln ", "unknown time zone 'Europe/Berln'"),
    ],
)
def test_mistakes_read_as_the_docs_say(right, wrong, line):
    text = page("setups.md")
    block = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0]
    assert right in block
    assert line in text
    with pytest.raises(SetupError, match=re.escape(line)):
        parse_setup(block.replace(right, wrong, 1), "x.yaml")


@pytest.mark.parametrize("path", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_page(path):
    text = path.read_text(encoding="utf-8")
    for target in LINK.findall(text):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        place = (path.parent / file).resolve() if file else path
        assert place.exists(), target
        assert not anchor or anchor in anchors(place), target
    body = [line for line in text.splitlines() if line.strip()]
    assert body[0].startswith("# ") and not body[1].startswith(("#", "|", "-")), "a sentence first"
    if "decisions" not in path.parts:
        assert not WORDS_OF_OTHERS.search(text), WORDS_OF_OTHERS.search(text)


def test_pictures_are_small_and_all_of_them_shown():
    shown = "".join(path.read_text(encoding="utf-8") for path in PAGES)
    for picture in (DOCS / "pictures").iterdir():
        assert picture.stat().st_size <= PICTURE_BYTES
        assert f"pictures/{picture.name}" in shown


def test_places_in_the_code_exist():
    places = [place for path in PAGES for place in PLACE.findall(path.read_text("utf-8"))]
    assert len(places) > 30
    for file, name in places:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        names = {getattr(node, "name", None) for node in ast.walk(tree)}
        assert name in names, f"{file}:{name}"
