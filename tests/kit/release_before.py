"""The code of the release before: what the repository held before its newest migration came."""

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from storage.revisions import MIGRATIONS, newest_revision

ROOT = Path(__file__).parents[2]


def unpacked(folder: Path) -> Path:
    """Write that code into a folder; where there is no history, skip and say so."""
    [newest] = (MIGRATIONS / "versions").glob(f"{newest_revision()}_*.py")
    added = _git("log", "--diff-filter=A", "--format=%H", "-1", "--", str(newest)).decode().strip()
    if not added:
        pytest.skip("the newest migration is not committed yet")
    code = _git("archive", "--format=tar", f"{added}^", "flows", "pipeline", "storage")
    with tarfile.open(fileobj=BytesIO(code)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def _git(*words: str) -> bytes:
    command = ["git", "-C", str(ROOT), *words]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip()[-200:]
        pytest.skip(f"the history doesn't reach to the release before: {reason}")
    return done.stdout
