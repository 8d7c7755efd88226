"""What finished tasks leave for a rerun: JSON and parquet under SCOUT_HOME/state/{run_id}.

A file is there whole or not at all (written aside, then renamed). Nothing is pickled. The lock
beside them tells who executes the run: the kernel drops it with the process, however it ends.
"""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pandas as pd
from pydantic import BaseModel, ValidationError

from flows.run_mirror import RunMirror, sweep_shared
from pipeline.domain.errors import StoreDownError
from storage.object_port import SharedObjects

M = TypeVar("M", bound=BaseModel)


class RunState:
    """The kept outputs of one run's tasks; with a mirror, other hosts have them too."""

    def __init__(self, folder: Path, mirror: RunMirror | None = None) -> None:
        self.folder = folder
        self._mirror = mirror

    def keep(self, task: str, output: BaseModel) -> None:
        """Keep a task's output; it counts as finished from here on."""
        with _whole(self.folder / f"{task}.json") as aside:
            aside.write_text(output.model_dump_json(), encoding="utf-8")
        if self._mirror is not None:
            self._mirror.send(f"{task}.json")

    def kept(self, task: str, kind: type[M]) -> M | None:
        """Return a finished task's output, or None; what no longer fits counts as not done."""
        try:
            return kind.model_validate_json((self.folder / f"{task}.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def frame_path(self, name: str) -> Path:
        """Return where the frame of that name lives."""
        return self.folder / f"{name}.parquet"

    def keep_frame(self, name: str, frame: pd.DataFrame) -> None:
        """Keep a frame, in row groups small enough to read a part of it quickly."""
        write_frame(self.frame_path(name), frame)

    def clear(self) -> None:
        """Forget all outputs, so that everything is computed anew."""
        for path in self.folder.glob("*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif not path.name.startswith("."):
                path.unlink(missing_ok=True)
        if self._mirror is not None:
            self._mirror.clear()


LOCK = ".lock"
_SWEEP_SHARED_SECONDS = 6 * 3600.0  # a listing of all of it costs a request a thousand files


class StateFolder:
    """The state of all runs; `objects` is where hosts share it, None: there is one host."""

    def __init__(self, root: Path, objects: SharedObjects | None = None) -> None:
        self.root = root
        self._objects = objects
        self._mirrors: dict[str, RunMirror] = {}
        self._sweep_shared_at = 0.0

    def of_run(self, run_id: str) -> RunState:
        """Return a run's state; its folder is made if need be."""
        folder = self.root / run_id
        folder.mkdir(parents=True, exist_ok=True)
        return RunState(folder, self._mirror(run_id))

    def _mirror(self, run_id: str) -> RunMirror | None:
        if self._objects is None:
            return None
        fresh = RunMirror(run_id, self.root / run_id, self._objects)
        return self._mirrors.setdefault(run_id, fresh)

    def take_up(self, run_id: str, attempt: int) -> None:
        """Fetch what earlier attempts of the run kept, if another host executed the last one."""
        mirror = self._mirror(run_id)
        if mirror is not None:
            mirror.take_up(attempt)

    @contextmanager
    def executing(self, run_id: str) -> Iterator[bool]:
        """Hold the right to execute the run; gives False while another process holds it."""
        self.of_run(run_id)
        number = os.open(self.root / run_id / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield lock_file(number)
        finally:
            os.close(number)
            self._mirrors.pop(run_id, None)

    def executed(self, run_id: str) -> bool:
        """Tell whether a living process executes the run now."""
        with self.executing(run_id) as free:
            return not free

    def sweep(self, before: float, *, dry: bool = False) -> dict[str, int]:
        """Remove what runs left that ended long ago; return the bytes of each by its id.

        Parameters
        ----------
        before
            Epoch seconds; folders changed since are left alone.
        dry
            Only say what would go.
        """
        swept = {}
        for folder in self.root.glob("*"):
            if folder.stat().st_mtime < before and not self._busy(folder.name):
                swept[folder.name] = sum(
                    path.stat().st_size for path in folder.rglob("*") if path.is_file()
                )
                if not dry:
                    shutil.rmtree(folder, ignore_errors=True)
        if self._objects is not None and (dry or time.monotonic() >= self._sweep_shared_at):
            if not dry:
                self._sweep_shared_at = time.monotonic() + _SWEEP_SHARED_SECONDS
            for run_id, size in sweep_shared(self._objects, before, dry=dry).items():
                swept[run_id] = swept.get(run_id, 0) + size
        return swept

    def _busy(self, run_id: str) -> bool:
        """Tell whether it is executed now, without making a lock where none is."""
        return (self.root / run_id / LOCK).exists() and self.executed(run_id)


def write_frame(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _whole(path) as aside:
        frame.to_parquet(aside, index=False, compression="lz4", row_group_size=20_000)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield aside
        aside.replace(path)
    except OSError as error:
        raise StoreDownError("The disk can't be written; is it full?", path=str(path)) from error
    finally:
        aside.unlink(missing_ok=True)


if sys.platform == "win32":
    import msvcrt

    def lock_file(number: int) -> bool:
        """Lock an open file; False while another process holds it."""
        try:
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def lock_file(number: int) -> bool:
        """Lock an open file; False while another process holds it."""
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
