"""What of a home is in a backup, each file opened whole while others go on writing.

Writers put files aside and rename them, so an open file never changes; what was replaced is read
to its end. A folder of bars is opened with all the month files that its index names.
"""

import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from pipeline.domain.errors import StoreDownError
from storage.backup.names import HOME
from storage.backup.packing import Member

TREES = ("bars", "archive", "models", "rules", "versions")
FILES = (
    "deployments.yaml", "instruments.yaml", "news.csv", "broker_clock.json", "broker_symbols.yaml",
)  # fmt: skip
_ATTEMPTS = 20
_INDEX = "meta.json"


def home_members(
    home: Path, run_ids: Iterable[str], trees: tuple[str, ...] = TREES
) -> Iterator[Member]:
    """Give what is kept in a home beside its database; no secret, no log and no cache is in it.

    Parameters
    ----------
    run_ids
        Runs that have not ended: what their tasks have left is needed to go on.
    trees
        None where hosts share their files elsewhere.
    """
    for name in FILES:
        yield from _opened(home / name, home)
    if "bars" in trees:
        yield from _bars(home)
    for tree in trees:
        for path in _files(home / tree) if tree != "bars" else ():
            yield from _opened(path, home)
    for run_id in run_ids:
        # what says that a task is done goes before the frames it names, which are never newer
        for path in sorted(_files(home / "state" / run_id), key=lambda p: p.suffix != ".json"):
            yield from _opened(path, home)


def _bars(home: Path) -> Iterator[Member]:
    root = home / "bars"
    for index in sorted(root.glob(f"*/*/{_INDEX}")):
        yield from _months(index, home)


def _months(index: Path, home: Path) -> Iterator[Member]:
    """Give a folder's index and the files it names, all of one moment."""
    for _ in range(_ATTEMPTS):
        files: list[tuple[Path, IO[bytes]]] = []
        try:
            data = index.read_bytes()
            months = json.loads(data)["months"].values()
            files = [(index, io.BytesIO(data))]
            for month in months:
                path = index.with_name(month["file"])
                files.append((path, path.open("rb")))
        except FileNotFoundError:  # a merge came between: its index is there now, or none is
            for _, file in files:
                file.close()
            if not index.exists():
                return
            continue
        except (OSError, ValueError, KeyError) as error:
            raise StoreDownError(f"The index of bars can't be read: {index}.") from error
        yield from ((_name(path, home), file) for path, file in files)
        return
    raise StoreDownError(f"The bars of {index.parent} change faster than they can be copied.")


def _files(folder: Path) -> list[Path]:
    """Return the files of a tree; hidden ones are being written, links lie elsewhere."""
    if not folder.is_dir() or folder.is_symlink():
        return []
    found = []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in inside)
        if not hidden and not path.is_symlink() and path.is_file():
            found.append(path)
    return found


def _opened(path: Path, home: Path) -> Iterator[Member]:
    try:
        file = path.open("rb")
    except FileNotFoundError:  # gone meanwhile, or never there
        return
    except OSError as error:
        raise StoreDownError(f"{path} can't be read for the backup.", cause=error) from error
    yield _name(path, home), file


def _name(path: Path, home: Path) -> str:
    return f"{HOME}/{path.relative_to(home).as_posix()}"
