"""The kept outputs of a run in shared storage, so that another host can go on where this one fell.

What a task leaves is sent before its JSON, so what counts as finished elsewhere is there whole.
Names that begin with a dot stay here. Blocking.
"""

from pathlib import Path

from pipeline.domain.errors import StoreDownError
from storage.object_port import SharedObjects
from storage.telemetry import get_logger

log = get_logger(__name__)
_ATTEMPT = ".attempt"  # the attempt that was executed here last


class RunMirror:
    """One run's files under `state/{run_id}/`; `folder` is where they lie here."""

    def __init__(self, run_id: str, folder: Path, objects: SharedObjects) -> None:
        self._run_id = run_id
        self._folder = folder
        self._objects = objects
        self._sent: dict[str, tuple[int, int]] = {}  # size and time of change

    def send(self, last: str) -> None:
        """Send what has changed, the file `last` at the end.

        Where the storage doesn't answer, the run goes on: only if this host dies too is work lost.
        """
        try:
            names = sorted(self._here(), key=lambda name: (name == last, name))
            for name in names:
                path = self._folder / name
                mark = (path.stat().st_size, path.stat().st_mtime_ns)
                if self._sent.get(name) != mark:
                    self._objects.put(self._named(name), path.read_bytes())
                    self._sent[name] = mark
        except StoreDownError as error:
            log.warning("kept_here_alone", run_id=self._run_id, task=last, **error.facts)

    def take_up(self, attempt: int) -> None:
        """Make the folder what the attempts before left, if the last of them ran elsewhere."""
        self._folder.mkdir(parents=True, exist_ok=True)
        marker = self._folder / _ATTEMPT
        before = marker.read_text(encoding="ascii") if marker.exists() else ""
        if attempt > 1 and before != str(attempt - 1):
            self._bring()
        marker.write_text(str(attempt), encoding="ascii")

    def _bring(self) -> None:
        for name in self._here():
            (self._folder / name).unlink(missing_ok=True)
        found = self._objects.get_many(self._objects.listed(self._named("").rstrip("/")))
        for name, data in found.items():
            path = self._folder / name.removeprefix(self._named(""))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            self._sent[str(path.relative_to(self._folder))] = (
                path.stat().st_size, path.stat().st_mtime_ns,
            )  # fmt: skip
        log.info("kept_results_fetched", run_id=self._run_id, files=len(found))

    def clear(self) -> None:
        """Forget all of it, here and there."""
        self._objects.remove(self._objects.listed(self._named("").rstrip("/")))
        self._sent.clear()

    def _here(self) -> list[str]:
        return [
            name
            for path in self._folder.rglob("*")
            if path.is_file()
            and not any(p.startswith(".") for p in path.relative_to(self._folder).parts)
            and (name := str(path.relative_to(self._folder)))
        ]

    def _named(self, name: str) -> str:
        return f"state/{self._run_id}/{name}"


def sweep_shared(objects: SharedObjects, before: float, *, dry: bool = False) -> dict[str, int]:
    """Remove what runs left that wrote last before that (epoch seconds); the bytes of each."""
    runs: dict[str, dict[str, int]] = {}
    fresh = set()
    for name, each in objects.listed("state").items():
        run_id = name.split("/")[1]
        runs.setdefault(run_id, {})[name] = each.size
        if each.changed.timestamp() >= before:
            fresh.add(run_id)
    old = sorted(runs.keys() - fresh)
    if not dry:
        objects.remove(name for run_id in old for name in runs[run_id])
    return {run_id: sum(runs[run_id].values()) for run_id in old}
