"""What a journal is given, one page for each run and approved signal, and what it says back."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EntryKind(StrEnum):
    """What a page is of."""

    RUN = "run"
    SIGNAL = "signal"


class JournalEntry(_Frozen):
    """A page as it should stand. Putting the same `key` again changes that page.

    `properties` are by name; None leaves a property empty. `pictures` are archive paths, `table`
    rows of text with the heading first.
    """

    kind: EntryKind
    key: str = Field(description="the run id or signal id")
    title: str
    properties: dict[str, str | float | int | bool | datetime | None]
    paragraphs: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    pictures: tuple[str, ...] = ()
    link: str = Field(default="", description="back to the chat; empty: there is none to give")


class PageState(_Frozen):
    """How far a page is written, kept after each step so that a writer that died goes on."""

    page_id: str = ""
    url: str = ""
    cleared: bool = Field(
        default=False, description="what an earlier entry wrote is gone, the properties are new"
    )
    blocks_done: int = 0
    uploads: dict[str, str] = Field(
        default_factory=dict, description="picture's path -> upload id, good for an hour"
    )
    uploaded_at: datetime | None = None
    sha256: str = Field(default="", description="of the entry that these steps are of")


class QueuedEntry(_Frozen):
    """A page that is owed to the journal, as one writer has leased it.

    `revision` counts changes of the entry, `lease` how often it was leased: a writer whose lease
    ran out is told apart by it from the one that has it now.
    """

    id: int
    entry: JournalEntry
    state: PageState = PageState()
    attempts: int = 0
    revision: int = 1
    lease: int = 1
    created_at: datetime


class JournalTrouble(_Frozen):
    """A page that was given up, or whose last try failed."""

    key: str
    error: str
    given_up: bool
    due_at: datetime


class JournalStanding(_Frozen):
    """How many pages are written, owed and given up, and why the newest of those are not there."""

    written: int = 0
    owed: int = 0
    given_up: int = 0
    oldest_owed: datetime | None = None
    troubles: tuple[JournalTrouble, ...] = ()


class JournalTick(_Frozen):
    """What a person ticked or wrote on a page."""

    kind: EntryKind
    key: str
    taken: Literal["taken", "skipped"] | None
    note: str = ""
    edited_at: datetime


class JournalCheck(_Frozen):
    """Whether the journal can be written: what was found, made, or is missing."""

    ready: bool
    database_id: str = ""
    url: str = ""
    made: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    facts: dict[str, Any] = Field(default_factory=dict)
