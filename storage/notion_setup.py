"""Setting the journal up in Notion, and checking step by step what it may do there."""

from typing import Any, Final

from pipeline.domain.errors import JournalRefusedError
from pipeline.domain.journal import JournalCheck
from storage import notion_shapes as shapes
from storage.notion_calls import Json, NotionCalls, UnsureError
from storage.notion_pages import PageWriter

PROBE: Final = "Setup Scout: check, may be deleted"
DOT: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63"
    "f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
"""A picture of one pixel."""
NO_PAGE: Final = (
    "{!r} is no page of Notion's: copy its link with ••• → Copy link, and share the page with the"
    " integration with ••• → Connections."
)


async def check_notion(calls: NotionCalls, database: str, make_in: str = "") -> JournalCheck:
    """Tell step by step what works; with `make_in` (a page), make what is missing there first.

    Raises
    ------
    JournalDownError
        Notion doesn't answer: nothing is known.
    """
    made: list[str] = []
    can: list[str] = []
    number, url = shapes.id_in(database), ""
    try:
        me = str((await calls.safe(lambda api: api.users.me()))["id"])
        can.append("the token is valid")
        if make_in:
            number = await _database_in(calls, make_in, made)
        if not number:
            return _answer(can, made, "no database is set: scout notion setup PAGE makes one")
        found = await calls.safe(lambda api: api.databases.retrieve(number))
        url, source = str(found.get("url") or ""), shapes.source_of(found)
        missing = await _columns(calls, source, made, add=bool(make_in))
        if missing:
            return _answer(can, made, *missing, database=number, url=url)
        can.append("it has all columns")
        await _tried(calls, source, me, can)
    except JournalRefusedError as error:
        return _answer(can, made, error.user_text, database=number, url=url)
    return _answer(can, made, database=number, url=url)


def _answer(
    can: list[str], made: list[str], *missing: str, database: str = "", url: str = ""
) -> JournalCheck:
    return JournalCheck(
        ready=not missing, database_id=database, url=url, made=tuple(made), missing=missing,
        facts={"can": list(can)},
    )  # fmt: skip


async def _database_in(calls: NotionCalls, page: str, made: list[str]) -> str:
    """Return the journal's database in a page, made if there is none."""
    page_id = shapes.id_in(page)
    if not page_id:
        raise JournalRefusedError(NO_PAGE.format(page))
    kept = await _found_in(calls, page_id)
    if kept:
        return kept
    try:
        found = await calls.once(
            lambda api: api.databases.create(
                parent={"type": "page_id", "page_id": page_id},
                title=shapes.rich_text(shapes.TITLE),
                initial_data_source={"properties": shapes.schema()},
            )
        )
    except UnsureError:
        kept = await _found_in(calls, page_id)
        if kept:
            return kept
        raise JournalRefusedError("Notion didn't make the database: try again.") from None
    made.append("the database")
    return shapes.id_in(str(found["id"]))


async def _found_in(calls: NotionCalls, page_id: str) -> str:
    blocks = calls.all_of(
        lambda api, cursor: api.blocks.children.list(page_id, page_size=100, **cursor)
    )
    async for block in blocks:
        title = (block.get("child_database") or {}).get("title")
        if title == shapes.TITLE and not block.get("in_trash"):
            return shapes.id_in(str(block["id"]))
    return ""


async def _columns(calls: NotionCalls, source: str, made: list[str], *, add: bool) -> list[str]:
    """Return what is wrong with the columns; with `add`, those that lack are made first."""
    known = (await calls.safe(lambda api: api.data_sources.retrieve(source)))["properties"]
    wrong = [
        f"column {name!r} is of type {known[name]['type']}: make it {kind} or rename it"
        for name, kind in shapes.COLUMNS.items()
        if name in known and known[name]["type"] != kind
    ]
    lacks = [name for name in shapes.COLUMNS if name not in known]
    if lacks and add:
        change: Json = {name: shapes.schema()[name] for name in lacks if name != shapes.NAME}
        if shapes.NAME in lacks:  # of a title there is one: it is renamed
            title = next(name for name, column in known.items() if column["type"] == "title")
            change[title] = {"name": shapes.NAME}
        await calls.safe(lambda api: api.data_sources.update(source, properties=change))
        made += [f"column {name}" for name in lacks]
        lacks = []
    return wrong + [
        f"column {name!r} is missing: scout notion setup PAGE adds it" for name in lacks
    ]


async def _tried(calls: NotionCalls, source: str, me: str, can: list[str]) -> None:
    """Read, write a page with a picture, and throw it away."""
    await calls.safe(lambda api: api.data_sources.query(source, page_size=1))
    can.append("it can read")
    page = await _made(calls, source)
    try:
        can.append("it can write")
        upload = await PageWriter(calls, source, me).upload("check.png", DOT)
        blocks = shapes.with_uploads([shapes.picture("check")], {"check": upload})
        await calls.safe(lambda api: api.blocks.children.append(page, children=blocks))
        can.append("it can upload")
    finally:
        await calls.safe(lambda api: api.pages.update(page, in_trash=True))


async def _made(calls: NotionCalls, source: str) -> str:
    properties: dict[str, Any] = {shapes.NAME: {"title": shapes.rich_text(PROBE)}}
    parent = {"type": "data_source_id", "data_source_id": source}
    # Made twice after a time-out it does no harm: its name says that it may be deleted.
    page = await calls.safe(lambda api: api.pages.create(parent=parent, properties=properties))
    return str(page["id"])
