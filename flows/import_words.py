"""What an import asks, answers and reports, and the services it needs."""

from typing import Protocol

from pydantic import BaseModel, ConfigDict

from flows.settings import Settings
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.report import QualityReport
from storage.feeds.unpack import FileLimits
from storage.market_ports import InstrumentTable
from storage.ports import AuditLog, BarStore

_MB = 1_000_000
DAY_ORDER = ("day first", "month first")


class IngestServices(Protocol):
    """What an import needs of the services."""

    @property
    def bars(self) -> BarStore:
        """Where bars go."""
        ...

    @property
    def instruments(self) -> InstrumentTable:
        """What is known of symbols."""
        ...

    @property
    def audit(self) -> AuditLog:
        """The trail."""
        ...


def file_limits(settings: Settings) -> FileLimits:
    """Return how large a file may be, as the settings say."""
    return FileLimits(
        max_bytes=settings.import_max_mb * _MB,
        max_unpacked=settings.import_max_unpacked_mb * _MB,
    )


class ImportAnswers(BaseModel):
    """What the person has said so far; None: not asked yet."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbol: str | None = None
    timeframe: str | None = None
    zone: str | None = None
    day_first: bool | None = None

    def answered(self, field: str, choice: str) -> "ImportAnswers":
        """Return the answers with a question's choice (a button's text, or typed) added.

        Raises
        ------
        BadRequestError
            No such question, or the choice is none of it.
        """
        if field not in ImportAnswers.model_fields:
            raise BadRequestError(f"nothing was asked about {field!r}", field=field, value=choice)
        if field != "day_first":
            return self.model_copy(update={field: choice})
        word = choice.strip().lower()
        if word not in DAY_ORDER:
            text = f"say {' or '.join(DAY_ORDER)}"
            raise BadRequestError(text, field=field, value=choice, closest=DAY_ORDER)
        return self.model_copy(update={field: word == DAY_ORDER[0]})


class ImportQuestion(BaseModel):
    """One thing the file doesn't tell.

    `field` is a field of ImportAnswers. `choices` are offered as buttons, best first; other
    words are fine too for symbol and zone. `scores` belong to the choices of a zone.
    """

    model_config = ConfigDict(frozen=True)

    field: str
    text: str
    choices: tuple[str, ...]
    scores: tuple[float, ...] = ()


class ImportReceipt(BaseModel):
    """What an import has done. `quality` judges the file's bars, the store keeps the whole."""

    model_config = ConfigDict(frozen=True)

    symbol: str
    timeframe: Timeframe
    zone: str
    zone_score: float | None
    added: int
    replaced: int
    quality: QualityReport
    source: str
    notes: tuple[str, ...] = ()
