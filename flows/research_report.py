"""Reports of all runs but backtests: into the archive, then owed to the chat."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from flows.backtest_compute import Frozen
from flows.backtest_pictures import PictureFile
from flows.run_facts import told_record
from flows.services import Services
from flows.tasks import Runner, SkipTaskError
from pipeline.domain.errors import DataError
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Run

if TYPE_CHECKING:
    from pipeline.render.canvas import Picture


class Drawn(Frozen):
    """Output of the visualizer: pictures in the order in which they are sent."""

    pictures: tuple[PictureFile, ...] = ()


class Told(Frozen):
    """Output of telegram_notify."""


R = TypeVar("R", bound=BaseModel)


def archived(drawn: Drawn | None) -> list[str]:
    """Return where a report says that its pictures lie."""
    return [f"archive/{picture.path}" for picture in drawn.pictures] if drawn else []


async def desk_for(run: Run, services: Services, meta: dict[str, Any]) -> "Desk":
    """Return where the files and messages of a run's attempt go."""
    held = {artifact.path for artifact in await services.archive.of_run(run.run_id)}
    again = run.attempt > 1 and f"results/{run.run_id}.json" in held
    return Desk(run, services, meta, again)


@dataclass(frozen=True)
class Desk:
    """Where a run's files and messages go. `meta` is what every file carries.

    A completed run's first files stay: those of a later attempt carry its number.
    """

    run: Run
    services: Services
    meta: dict[str, Any]
    again: bool = False

    def path(self, suffix: str) -> str:
        """Return where a file of this attempt lies in the archive."""
        name = f"{self.run.run_id}_a{self.run.attempt}" if self.again else self.run.run_id
        return f"results/{name}{suffix}"

    async def held_against_first(self, suffix: str, table: bytes) -> tuple[str, ...]:
        """Return how a table compares with that of the run's first result, as a note or none."""
        if not self.again:
            return ()
        try:
            first = await self.services.archive.get(f"results/{self.run.run_id}{suffix}")
        except DataError:
            return ("The first result can't be read; it was not compared.",)
        if first == table:
            return ("Every figure is as it was the first time.",)
        before, now = first.splitlines(), table.splitlines()
        differ = sum(a != b for a, b in zip_longest(before, now))
        return (f"{differ} of {len(now) - 1} rows differ from the first time.",)

    async def keep(self, suffix: str, data: bytes, role: str, media_type: str) -> str:
        """Put a file into the archive; return its path."""
        path = self.path(suffix)
        await self.services.archive.put(
            path, data, run_id=self.run.run_id, role=role, media_type=media_type, meta=self.meta
        )
        return path

    async def picture(self, suffix: str, picture: "Picture", caption: str) -> PictureFile:
        """Put a picture into the archive."""
        path = await self.keep(suffix, picture.png, "research", "image/png")
        return PictureFile(path=path, caption=caption)

    async def tell(
        self, report: BaseModel, drawn: Drawn | None, documents: tuple[tuple[str, str], ...]
    ) -> Told:
        """Owe the chat that asked the report, its pictures and (path, caption) documents."""
        chat = self.run.actor.chat_id
        if chat is None:
            raise SkipTaskError("nobody waits for a message")
        told = {"report": report.model_dump(mode="json"), "has_trades": False}
        await self._owe(DeliveryKind.REPORT, "report", told)
        for number, picture in enumerate(drawn.pictures if drawn else (), start=1):
            await self._owe(DeliveryKind.PHOTO, f"picture{number}", picture.model_dump())
        for path, caption in documents:
            await self.document(path, caption)
        return Told()

    async def document(self, path: str, caption: str) -> None:
        """Owe the chat that asked a file of the archive."""
        name = path.rsplit("/", 1)[-1]
        payload = {"path": path, "filename": name, "caption": caption}
        await self._owe(DeliveryKind.DOCUMENT, name, payload)

    async def album(self, pictures: Sequence[PictureFile]) -> None:
        """Owe the chat that asked pictures in one album, ten at most."""
        items = [picture.model_dump() for picture in pictures]
        await self._owe(DeliveryKind.ALBUM, "album", {"items": items})

    async def _owe(self, kind: DeliveryKind, word: str, payload: dict[str, Any]) -> None:
        run, chat = self.run, self.run.actor.chat_id
        assert chat is not None  # noqa: S101  (asked before)
        await self.services.outbox.put(
            chat, kind, {"run_id": run.run_id, **payload},
            dedupe_key=f"{word}:{run.run_id}:{run.asked}", now=self.services.clock(),
            claim=run.claim,
        )  # fmt: skip


def with_notes(report: R, notes: tuple[str, ...]) -> R:
    """Return a report with further notes among its warnings."""
    told = (*getattr(report, "warnings", ()), *notes)
    return report.model_copy(update={"warnings": told})


async def keep_report(desk: Desk, report: R, files: dict[str, Any], runner: Runner) -> R:
    """Write a report with the paths of its files, and return it so."""
    artifacts = {"report_json": f"archive/{desk.path('.json')}", **files}
    tasks = (*runner.records.values(), told_record(desk.run))
    whole = report.model_copy(update={"artifacts": artifacts, "tasks_completed": tasks})
    data = whole.model_dump_json(indent=2).encode()
    await desk.keep(".json", data, "report_json", "application/json")
    return whole
