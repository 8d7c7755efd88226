"""The folder of compiled kernels changes with what kernels depend on, and with nothing else."""

from pathlib import Path

import pytest

from flows.kernel_cache import kernel_sources, sources_hash

FILES = {
    "pipeline/__init__.py": "",
    "pipeline/kernels.py": "from numba import njit\nfrom pipeline.part import (\n    ONE,\n    deep,\n)\n",
    "pipeline/part/__init__.py": "ONE = 1\n",
    "pipeline/part/deep.py": "import pipeline.deeper\n",
    "pipeline/deeper.py": "TWO = 2\n",
    "pipeline/chart.py": "from pipeline.kernels import run\n",
}


@pytest.fixture
def top(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    "name", [n for n in FILES if n not in ("pipeline/__init__.py", "pipeline/chart.py")]
)
def test_a_change_that_kernels_may_see_changes_the_folder(top, name):
    before = sources_hash(top)
    (top / name).write_text(FILES[name] + "# changed\n")
    assert sources_hash(top) != before


def test_a_change_elsewhere_keeps_the_compiled_kernels(top):
    before = sources_hash(top)
    (top / "pipeline/chart.py").write_text("")
    assert sources_hash(top) == before


def test_the_products_kernels_and_their_constants_are_among_the_sources():
    names = {"/".join(path.parts[-2:]) for path in kernel_sources()}
    assert {
        "backtest/fills.py",
        "backtest/layout.py",
        "detectors/base.py",
        "domain/market.py",
    } <= names
