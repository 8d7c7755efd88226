"""The fingerprints: of the sources that can change a trade, and of the rules themselves."""

import shutil

import pytest

from flows.provenance import code_hash, rule_hash, shaping_sources
from tests.kit.plain_services import LIBRARY, LibrarySetups


@pytest.fixture
def tree(tmp_path):
    """A copy of the sources."""
    for folder in ("pipeline", "flows"):
        shutil.copytree(
            LIBRARY.parents[2] / folder, tmp_path / folder,
            ignore=shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc"),
        )  # fmt: skip
    return tmp_path


def changed(tree, name, text="\nX = 1\n"):
    before = code_hash.__wrapped__(tree)
    path = tree / name
    path.write_text(path.read_text("utf-8") + text, "utf-8")
    return code_hash.__wrapped__(tree) != before


@pytest.mark.parametrize(
    "name",
    [
        "pipeline/detectors/liquidity.py", "pipeline/backtest/fills.py", "pipeline/risk.py",
        "pipeline/setups/engine.py", "pipeline/data/clean.py", "flows/costs.py",
    ],
)  # fmt: skip
def test_a_source_that_can_change_a_trade_changes_the_fingerprint(tree, name):
    assert changed(tree, name)


@pytest.mark.parametrize(
    "name", ["pipeline/render/chart.py", "pipeline/commands.py", "flows/cli.py"]
)
def test_what_only_draws_or_reads_commands_does_not(tree, name):
    assert not changed(tree, name)


def test_a_new_part_of_the_pipeline_counts_until_it_is_known_not_to(tree):
    before = code_hash.__wrapped__(tree)
    (tree / "pipeline" / "brand_new.py").write_text('"""New."""\n')
    assert code_hash.__wrapped__(tree) != before


def test_line_ends_do_not_count(tree):
    before = code_hash.__wrapped__(tree)
    path = tree / "pipeline" / "risk.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert code_hash.__wrapped__(tree) == before


def test_the_named_sources_exist():
    assert all(path.is_file() for path in shaping_sources())


def test_rules_are_the_same_whatever_is_said_about_them():
    spec = LibrarySetups().specs["Frank_raid_v1"]
    said = spec.model_copy(update={"title": "x", "reason": "y", "author": "z", "description": ""})
    assert rule_hash(said) == rule_hash(spec)
    assert rule_hash(spec.model_copy(update={"sl": 2.0})) != rule_hash(spec)
