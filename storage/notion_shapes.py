"""What the journal looks like in Notion: its columns, blocks within the limits, ticks read back.

Limits by Notion's "Request limits": 2000 characters a rich-text item (of UTF-16, as Notion
counts), 100 items an array, 1000 blocks and 500 KB a request, 100 characters a select option.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pipeline.domain.errors import JournalRefusedError
from pipeline.domain.journal import EntryKind, JournalEntry, JournalTick

Json = dict[str, Any]
TITLE: Final = "Setup Scout journal"
NAME, RUN, SIGNAL, KIND, TAKEN, NOTE = "Name", "run_id", "signal_id", "Kind", "Taken", "Note"
COLUMNS: Final[dict[str, str]] = {
    NAME: "title",
    KIND: "select",
    RUN: "rich_text",
    SIGNAL: "rich_text",
    "Date": "date",
    "Setup": "select",
    "Rule version": "rich_text",
    "Symbol": "select",
    "Timeframe": "select",
    "Period": "rich_text",
    "Trades": "number",
    "Win rate": "number",
    "Expectancy (R)": "number",
    "Profit factor": "number",
    "Drawdown (R)": "number",
    "Decision": "select",
    "Outcome": "select",
    "R": "number",
    "Synthetic": "checkbox",
    TAKEN: "select",
    NOTE: "rich_text",
    "Chat": "url",
}
"""The columns of the journal's database and their types."""
PERSONAL: Final = frozenset({TAKEN, NOTE})
"""Columns that are a person's once the page is there: written when it is made, never after."""
BLOCKS, ELEMENTS, BYTES = 100, 900, 400_000
ITEM, ITEMS, OPTION, LINK = 2000, 100, 100, 2000
_ID = re.compile(r"[0-9a-fA-F]{32}")


def schema() -> Json:
    """Return the columns as a data source is made with."""
    columns: Json = {name: {kind: {}} for name, kind in COLUMNS.items()}
    columns[TAKEN] = {"select": {"options": [
        {"name": "taken", "color": "green"}, {"name": "skipped", "color": "gray"},
    ]}}  # fmt: skip
    columns[KIND] = {"select": {"options": [{"name": kind.value} for kind in EntryKind]}}
    columns["Win rate"] = {"number": {"format": "percent"}}
    return columns


def id_in(text: str) -> str:
    """Return the id in an id or a link of Notion's; "" if there is none."""
    path = text.partition("?")[0].replace("-", "")
    found = _ID.findall(path)
    return found[-1].lower() if found else ""


def source_of(database: Json) -> str:
    """Return the first data source of a database, where its pages live."""
    sources = database.get("data_sources") or []
    if not sources:
        raise JournalRefusedError("The journal's database has no data source of its own.")
    return str(sources[0]["id"])


def digest_of(entry: JournalEntry) -> str:
    """Return what tells an entry from a changed one."""
    return hashlib.sha256(entry.model_dump_json().encode()).hexdigest()


def key_filter(kind: EntryKind, key: str) -> Json:
    """Return the filter that finds an entry's page."""
    column = SIGNAL if kind is EntryKind.SIGNAL else RUN
    return {"and": [
        {"property": column, "rich_text": {"equals": key}},
        {"property": KIND, "select": {"equals": kind.value}},
    ]}  # fmt: skip


def properties_of(entry: JournalEntry, *, fresh: bool) -> Json:
    """Return an entry's properties; those that people own only for a `fresh` page."""
    column = SIGNAL if entry.kind is EntryKind.SIGNAL else RUN
    values = {
        **{name: value for name, value in entry.properties.items() if name in COLUMNS},
        NAME: entry.title, KIND: entry.kind.value, column: entry.key, "Chat": entry.link or None,
    }  # fmt: skip
    return {
        name: _value(COLUMNS[name], value)
        for name, value in values.items()
        if fresh or name not in PERSONAL
    }


def _value(kind: str, value: Any) -> Json:
    if kind in ("title", "rich_text"):
        return {kind: rich_text("" if value is None else str(value))[:ITEMS]}
    if kind == "checkbox":
        return {kind: bool(value)}
    return {kind: None if value is None or value == "" else _single(kind, value)}


def _single(kind: str, value: Any) -> Any:
    if kind == "number":
        return float(value) if math.isfinite(float(value)) else None
    if kind == "select":
        return {"name": str(value).replace(",", ";")[:OPTION]}
    if kind == "date":
        return {"start": value.isoformat() if isinstance(value, datetime) else str(value)}
    return str(value)[:LINK]


def rich_text(text: str, link: str = "") -> list[Json]:
    """Return a text as items of 2000 characters at most; "" gives none."""
    target = {"link": {"url": link[:LINK]}} if link else {}
    return [{"type": "text", "text": {"content": part, **target}} for part in _parts(text)]


def _parts(text: str) -> Iterator[str]:
    """Cut by UTF-16 units, never within a character."""
    if text and 2 * len(text) <= ITEM:
        yield text
        return
    begin = units = 0
    for at, char in enumerate(text):
        width = 1 + (ord(char) > 0xFFFF)  # noqa: PLR2004  (the end of the basic plane)
        if units + width > ITEM:
            yield text[begin:at]
            begin, units = at, 0
        units += width
    if begin < len(text):
        yield text[begin:]


def paragraphs(text: str, link: str = "") -> list[Json]:
    """Return a text as paragraphs of 100 items at most."""
    items = rich_text(text, link)
    return [
        {"object": "block", "type": "paragraph", "paragraph": {"rich_text": items[at:at + ITEMS]}}
        for at in range(0, len(items), ITEMS)
    ]  # fmt: skip


def tables(rows: Sequence[Sequence[str]]) -> list[Json]:
    """Return rows as tables of 100 rows at most, each with the heading first; [] for none."""
    if not rows:
        return []
    width = max(1, *map(len, rows))
    lines = [_row(row, width) for row in rows]
    head, body = lines[0], lines[1:]
    starts = range(0, len(body), BLOCKS - 1)
    groups = [body[at : at + BLOCKS - 1] for at in starts] or [[]]
    return [
        {"object": "block", "type": "table", "table": {
            "table_width": width, "has_column_header": True, "has_row_header": False,
            "children": [head, *group],
        }}
        for group in groups
    ]  # fmt: skip


def _row(row: Sequence[str], width: int) -> Json:
    cells = [rich_text(cell)[:ITEMS] for cell in row] + [[] for _ in range(width - len(row))]
    return {"object": "block", "type": "table_row", "table_row": {"cells": cells}}


def picture(path: str) -> Json:
    """Return the block of a picture, which stands under its path until its upload is known."""
    return {"object": "block", "type": "image", "image": {"path": path}}


def blocks_of(entry: JournalEntry, pictures: Sequence[str]) -> list[Json]:
    """Return a page's blocks in their order, with the pictures that are there."""
    blocks: list[Json] = []
    for text in entry.paragraphs:
        blocks += paragraphs(text)
    blocks += [picture(path) for path in pictures]
    blocks += tables(entry.table)
    back = entry.link or ""
    blocks += paragraphs(f"Back to the chat: {entry.key}" if back else f"Id: {entry.key}", back)
    return blocks


def with_uploads(blocks: Sequence[Json], uploads: Mapping[str, str]) -> list[Json]:
    """Return blocks with their pictures' uploads in place of the paths."""
    return [_attached(block, uploads) for block in blocks]


def _attached(block: Json, uploads: Mapping[str, str]) -> Json:
    if block["type"] != "image":
        return block
    upload = uploads[block["image"]["path"]]
    image = {"type": "file_upload", "file_upload": {"id": upload}}
    return {"object": "block", "type": "image", "image": image}


def paths_in(blocks: Sequence[Json]) -> list[str]:
    """Return the pictures among blocks."""
    return [block["image"]["path"] for block in blocks if block["type"] == "image"]


def next_chunk(blocks: Sequence[Json]) -> list[Json]:
    """Return as many of the first blocks as one request may carry; one at least."""
    taken: list[Json] = []
    elements = size = 0
    for block in blocks[:BLOCKS]:
        inner = block.get(block["type"], {})
        elements += 1 + (len(inner["children"]) if "children" in inner else 0)
        size += len(json.dumps(block))
        if taken and (elements > ELEMENTS or size > BYTES):
            break
        taken.append(block)
    return taken


def tick_of(page: Json) -> JournalTick | None:
    """Return what stands in a page's personal columns; None if it is no page of ours."""
    columns = page.get("properties", {})
    kind = _chosen(columns.get(KIND))
    if kind not in tuple(EntryKind):
        return None
    key = _plain(columns.get(SIGNAL if kind == EntryKind.SIGNAL.value else RUN))
    if not key:
        return None
    return JournalTick(
        kind=EntryKind(kind), key=key, taken=_taken(_chosen(columns.get(TAKEN))),
        note=_plain(columns.get(NOTE)),
        edited_at=datetime.fromisoformat(page["last_edited_time"]).astimezone(UTC),
    )  # fmt: skip


def _taken(word: str) -> Literal["taken", "skipped"] | None:
    known: dict[str, Literal["taken", "skipped"]] = {"taken": "taken", "skipped": "skipped"}
    return known.get(word.strip().lower())


def _chosen(column: Any) -> str:
    select = (column or {}).get("select") or {}
    return str(select.get("name", ""))


def _plain(column: Any) -> str:
    items = (column or {}).get("rich_text") or []
    return "".join(str(item.get("plain_text", "")) for item in items).strip()
