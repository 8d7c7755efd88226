"""A Notion to test against: over HTTP, stateful, and as strict as the real one (2025-09-03).

async with running_notion() as notion:
    page = notion.add_page("Trading")        # a person's page, shared with the integration
    … NotionCalls(notion.token, notion.url) …
    notion.plan("529", "POST", "pages")      # faults, in order
    notion.tick(page_id, taken="skipped")    # what a person does
"""

import asyncio
import contextlib
import copy
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from tests.kit import notion_rules as rules
from tests.kit.notion_rules import Json, RefusedError, invalid

TOKEN = "ntn_test_0000000000000000000000000000000000"
BOT, PERSON = "b0000000-0000-4000-8000-000000000000", "a0000000-0000-4000-8000-000000000000"
HOUR = timedelta(hours=1)
HANGS = 1.0
"""Seconds; a client that waits less has its time-out."""


@dataclass
class Fault:
    """What strikes the calls that fit: a status, or drop_before / drop_after / hang (commits first)."""

    kind: str
    method: str
    path: str
    skip: int = 0
    times: int = 1
    retry_after: int = 1


@dataclass
class Notion:
    """One workspace with one integration."""

    token: str = TOKEN
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    per_second: float = 3.0
    burst: float = 4.0
    may: set[str] = field(default_factory=lambda: {"read", "insert", "update"})
    url: str = ""
    pages: dict[str, Json] = field(default_factory=dict)
    blocks: dict[str, Json] = field(default_factory=dict)
    children: dict[str, list[str]] = field(default_factory=dict)
    databases: dict[str, Json] = field(default_factory=dict)
    sources: dict[str, Json] = field(default_factory=dict)
    uploads: dict[str, Json] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    throttled: int = 0
    lag: int = 0
    """So many queries don't see a page that was just made."""
    _tokens: float = 0.0
    _at: float | None = None
    _hidden: dict[str, int] = field(default_factory=dict)

    # What people do, and what tests look at.

    def add_page(self, title: str, *, shared: bool = True) -> str:
        page = self._object("page", PERSON, parent={"type": "workspace"}, properties={})
        page["title"] = title
        self.pages[page["id"]] = page
        if shared:
            self.shared.add(page["id"])
        return str(page["id"])

    def tick(self, page_id: str, *, taken: str | None = None, note: str | None = None) -> None:
        page = self.pages[page_id]
        if taken is not None:
            page["properties"]["Taken"] = {
                "type": "select",
                "select": {"name": taken} if taken else None,
            }
        if note is not None:
            page["properties"]["Note"] = {
                "type": "rich_text",
                "rich_text": [{"plain_text": note, "type": "text"}],
            }
        self._edited(page, PERSON)

    def write_on(self, page_id: str, text: str) -> str:
        block = {
            "object": "block",
            "type": "paragraph",
            "paragraph": {
                "rich_text": [{"type": "text", "text": {"content": text}, "plain_text": text}]
            },
        }
        return self._add_block(page_id, block, PERSON)

    def trash(self, page_id: str) -> None:
        self.pages[page_id]["in_trash"] = True

    def rename_column(self, old: str, new: str) -> None:
        for source in self.sources.values():
            source["properties"][new] = source["properties"].pop(old) | {"name": new}

    def plan(self, kind: str, method: str = "", path: str = "", **more: int) -> None:
        self.faults.append(Fault(kind, method, path, **more))

    def entries(self, *, trashed: bool = False) -> list[Json]:
        """The pages in databases, oldest first."""
        return [
            p
            for p in self.pages.values()
            if p["parent"]["type"] == "data_source_id" and p["in_trash"] == trashed
        ]

    def plain(self, page: Json, column: str) -> Any:
        value = page["properties"][column]
        kind = value["type"]
        if kind in ("title", "rich_text"):
            return "".join(item["plain_text"] for item in value[kind])
        if kind == "select":
            return value[kind] and value[kind]["name"]
        return value[kind]

    def on(self, page_id: str) -> list[Json]:
        """The blocks on a page, in order."""
        return [
            self.blocks[b]
            for b in self.children.get(page_id, ())
            if not self.blocks[b]["in_trash"]
        ]

    def texts(self, page_id: str) -> list[str]:
        return [
            "".join(i["plain_text"] for i in b[b["type"]]["rich_text"])
            for b in self.on(page_id)
            if "rich_text" in b[b["type"]]
        ]

    # The server.

    async def serve(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/v1/")
        try:
            self._admit(request)
            fault = self._fault(request.method, path)
            if fault is not None and fault.kind.isdigit():
                raise _failed(fault)
            if fault is not None and fault.kind == "drop_before":
                return _cut(request)
            self.requests.append(f"{request.method} {path}")
            if not path.endswith("/send"):
                rules.check_size(await request.read())
            answer = await self._answer(request, path)
            if fault is not None and fault.kind == "hang":
                await asyncio.sleep(HANGS)
            if fault is not None and fault.kind in ("drop_after", "hang"):
                return _cut(request)
            return web.json_response({**answer, "request_id": str(uuid.uuid4())})
        except RefusedError as error:
            if error.status == 529 or error.code == "html":
                return web.Response(
                    status=error.status, text="<html>overloaded</html>", headers=error.headers
                )
            body = {
                "object": "error",
                "status": error.status,
                "code": error.code,
                "message": error.message,
            }
            return web.json_response(body, status=error.status, headers=error.headers)

    def _admit(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            raise RefusedError(401, "unauthorized", "API token is invalid.")
        if request.headers.get("Notion-Version") != "2025-09-03":
            raise RefusedError(400, "missing_version", "Notion-Version header should be defined.")
        now = self.monotonic()
        gone = now - (self._at if self._at is not None else now - 60)
        self._at = now
        self._tokens = min(self.burst, self._tokens + gone * self.per_second)
        if self._tokens < 1:
            self.throttled += 1
            raise RefusedError(
                429, "rate_limited", "You have been rate limited.", **{"Retry-After": "1"}
            )
        self._tokens -= 1

    def _fault(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.method in ("", method) and re.search(fault.path, path):
                if fault.skip:
                    fault.skip -= 1
                    return None
                fault.times -= 1
                if not fault.times:
                    self.faults.remove(fault)
                return fault
        return None

    async def _answer(self, request: web.Request, path: str) -> Json:
        parts = path.split("/")
        name = f"{request.method} {parts[0]}" + (
            "/" + "/".join(parts[2:]) if len(parts) > 2 else ""
        )
        handler = _HANDLERS.get((name, len(parts) > 1))
        if handler is None:
            raise RefusedError(400, "invalid_request_url", "Invalid request URL.")
        body: Json = {}
        if request.method in ("POST", "PATCH") and not path.endswith("/send"):
            body = await request.json()
        return copy.deepcopy(
            await handler(self, parts[1] if len(parts) > 1 else "", body, request)
        )

    def _needs(self, right: str) -> None:
        if right not in self.may:
            raise RefusedError(
                403, "restricted_resource", "Insufficient permissions for this endpoint."
            )

    def _object(self, kind: str, by: str, **more: Any) -> Json:
        number = str(uuid.uuid4())
        made = _minute(self.now())
        who = {"object": "user", "id": by}
        url = f"https://www.notion.so/{number.replace('-', '')}"
        return {
            "object": kind,
            "id": number,
            "created_time": made,
            "last_edited_time": made,
            "created_by": who,
            "last_edited_by": who,
            "in_trash": False,
            "archived": False,
            "url": url,
            **more,
        }

    def _edited(self, thing: Json, by: str) -> None:
        thing["last_edited_time"] = _minute(self.now())
        thing["last_edited_by"] = {"object": "user", "id": by}

    def _find(self, where: dict[str, Json], number: str, what: str) -> Json:
        key = next((k for k in where if k.replace("-", "") == number.replace("-", "")), None)
        if key is None or not self._is_shared(where[key]):
            raise RefusedError(
                404,
                "object_not_found",
                f"Could not find {what} with ID: {number}. Make sure the relevant pages and databases are shared with your integration.",
            )
        return where[key]

    def _is_shared(self, thing: Json) -> bool:
        while True:
            if thing["id"] in self.shared:
                return True
            parent = thing.get("parent", {})
            number = parent.get(parent.get("type", ""), "")
            found = (
                self.pages.get(number) or self.sources.get(number) or self.databases.get(number)
            )
            if not isinstance(number, str) or found is None:
                return False
            thing = found

    def _add_block(self, parent: str, block: Json, by: str) -> str:
        kind = block["type"]
        inner = copy.deepcopy(block[kind])
        for row in inner.pop("children", ()):  # a table's rows live under it
            inner.setdefault("_rows", []).append(row)
        for item in inner.get("rich_text", ()):
            item["plain_text"] = item["text"]["content"]
        made = self._object("block", by, type=kind, parent={"type": "page_id", "page_id": parent})
        made[kind] = inner
        self.blocks[made["id"]] = made
        self.children.setdefault(parent, []).append(made["id"])
        self._edited(self.pages[parent], by)
        return str(made["id"])

    def _open_page(self, number: str) -> Json:
        page = self._find(self.pages, number, "page")
        if page["in_trash"]:
            raise invalid(
                "Can't edit block that is archived. You must unarchive the block before editing."
            )
        return page

    def _values(self, source: Json, properties: Json) -> Json:
        for name in properties:
            if name not in source["properties"]:
                raise invalid(f"{name} is not a property that exists.")
        return {
            n: rules.check_property(n, source["properties"][n]["type"], v)
            for n, v in properties.items()
        }

    # Each endpoint.

    async def me(self, _: str, __: Json, ___: web.Request) -> Json:
        return {"object": "user", "id": BOT, "type": "bot", "name": "Setup Scout", "bot": {}}

    async def get_page(self, number: str, _: Json, __: web.Request) -> Json:
        self._needs("read")
        return self._find(self.pages, number, "page")

    async def make_page(self, _: str, body: Json, __: web.Request) -> Json:
        self._needs("insert")
        rules.only(body, "body", "parent", "properties", "children", "icon", "cover")
        if body["parent"].get("type", "data_source_id") != "data_source_id":
            raise invalid("body failed validation: body.parent.data_source_id should be defined.")
        source = self._find(self.sources, body["parent"]["data_source_id"], "data_source")
        blank = {
            n: {"type": c["type"], c["type"]: _EMPTY.get(c["type"])}
            for n, c in source["properties"].items()
        }
        properties = {**blank, **self._values(source, body["properties"])}
        if "children" in body:
            rules.check_children(body["children"])
        page = self._object(
            "page",
            BOT,
            parent={"type": "data_source_id", "data_source_id": source["id"]},
            properties=properties,
        )
        self.pages[page["id"]] = page
        self._hidden[page["id"]] = self.lag
        for block in body.get("children", ()):
            self._add_block(page["id"], block, BOT)
        return page

    async def change_page(self, number: str, body: Json, _: web.Request) -> Json:
        self._needs("update")
        rules.only(
            body, "body", "properties", "in_trash", "erase_content", "icon", "cover", "is_locked"
        )
        page = self._find(self.pages, number, "page")
        if page["in_trash"] and body.get("in_trash") is not False:
            raise invalid(
                "Can't edit block that is archived. You must unarchive the block before editing."
            )
        if body.get("properties"):
            source = self._find(self.sources, page["parent"]["data_source_id"], "data_source")
            page["properties"].update(self._values(source, body["properties"]))
        if body.get("erase_content"):
            for block in self.on(page["id"]):
                block["in_trash"] = True
        if "in_trash" in body:
            page["in_trash"] = page["archived"] = body["in_trash"]
        self._edited(page, BOT)
        return page

    async def list_blocks(self, number: str, _: Json, request: web.Request) -> Json:
        self._needs("read")
        page = self._find(self.pages, number, "block")
        return self._part(self.on(page["id"]), dict(request.query))

    async def append(self, number: str, body: Json, _: web.Request) -> Json:
        self._needs("insert")
        rules.only(body, "body", "children", "after", "position")
        rules.check_children(body["children"])
        page = self._open_page(number)
        for block in body["children"]:
            if block["type"] == "image":
                self._attachable(block["image"]["file_upload"]["id"])
        made = [
            self._add_block(page["id"], self._attach(block), BOT) for block in body["children"]
        ]
        return {
            "object": "list",
            "results": [self.blocks[m] for m in made],
            "has_more": False,
            "next_cursor": None,
        }

    def _attachable(self, number: str) -> None:
        upload = self._upload(number)
        if upload["status"] != "uploaded":
            raise invalid(
                f"File upload {number} is not in an uploaded status: it is {upload['status']}."
            )

    def _attach(self, block: Json) -> Json:
        if block["type"] == "image":
            self.uploads[block["image"]["file_upload"]["id"]]["expiry_time"] = None
        return block

    async def delete_block(self, number: str, _: Json, __: web.Request) -> Json:
        self._needs("update")
        block = self.blocks.get(number)
        if block is None or block["in_trash"]:
            raise RefusedError(404, "object_not_found", f"Could not find block with ID: {number}.")
        block["in_trash"] = True
        return block

    async def make_database(self, _: str, body: Json, __: web.Request) -> Json:
        self._needs("insert")
        rules.only(
            body, "body", "parent", "title", "initial_data_source", "is_inline", "icon", "cover"
        )
        page = self._find(self.pages, body["parent"]["page_id"], "page")
        schema = rules.check_schema(body["initial_data_source"]["properties"])
        if sum(column["type"] == "title" for column in schema.values()) != 1:
            raise invalid("Title is not provided")
        title = rules.check_text(body["title"], "body.title")
        database = self._object(
            "database", BOT, parent={"type": "page_id", "page_id": page["id"]}, title=title
        )
        source = self._object(
            "data_source",
            BOT,
            parent={"type": "database_id", "database_id": database["id"]},
            properties=schema,
        )
        name = "".join(item["plain_text"] for item in title)
        database["data_sources"] = [{"id": source["id"], "name": name}]
        self.databases[database["id"]], self.sources[source["id"]] = database, source
        child = self._object("block", BOT, type="child_database", child_database={"title": name})
        child["id"] = database["id"]
        self.blocks[child["id"]] = child
        self.children.setdefault(page["id"], []).append(child["id"])
        return database

    async def get_database(self, number: str, _: Json, __: web.Request) -> Json:
        self._needs("read")
        return self._find(self.databases, number, "database")

    async def get_source(self, number: str, _: Json, __: web.Request) -> Json:
        self._needs("read")
        return self._find(self.sources, number, "data_source")

    async def change_source(self, number: str, body: Json, _: web.Request) -> Json:
        self._needs("update")
        rules.only(body, "body", "properties", "title", "icon", "in_trash")
        source = self._find(self.sources, number, "data_source")
        for name, column in body["properties"].items():
            if "name" in column:
                source["properties"][column["name"]] = source["properties"].pop(name) | {
                    "name": column["name"]
                }
            else:
                source["properties"].update(rules.check_schema({name: column}))
        return source

    async def query(self, number: str, body: Json, _: web.Request) -> Json:
        self._needs("read")
        rules.only(body, "body", "filter", "sorts", "start_cursor", "page_size", "in_trash")
        source = self._find(self.sources, number, "data_source")
        found = []
        for page in self.entries():
            if self._hidden.get(page["id"], 0) > 0:
                self._hidden[page["id"]] -= 1
            elif page["parent"]["data_source_id"] == source["id"] and (
                "filter" not in body or rules.matches(page, body["filter"], source["properties"])
            ):
                found.append(page)
        for sort in body.get("sorts", ()):
            rules.only(sort, "body.sorts", "timestamp", "direction", "property")
            found.sort(
                key=lambda page, by=sort["timestamp"]: page[by],
                reverse=sort["direction"] == "descending",
            )
        return self._part(found, body)

    def _part(self, found: list[Json], asked: Json) -> Json:
        size = int(asked.get("page_size", 100))
        if not 1 <= size <= 100:
            raise invalid(
                f"body failed validation: body.page_size should be ≤ `100`, instead was `{size}`."
            )
        ids = [each["id"] for each in found]
        cursor = asked.get("start_cursor")
        if cursor is not None and cursor not in ids:
            raise invalid("The start_cursor provided is invalid.")
        at = ids.index(cursor) if cursor else 0
        more = at + size < len(found)
        return {
            "object": "list",
            "results": found[at : at + size],
            "has_more": more,
            "next_cursor": ids[at + size] if more else None,
        }

    async def make_upload(self, _: str, body: Json, __: web.Request) -> Json:
        self._needs("insert")
        rules.only(
            body, "body", "mode", "filename", "content_type", "number_of_parts", "external_url"
        )
        expiry = (self.now() + HOUR).isoformat()
        upload = self._object(
            "file_upload",
            BOT,
            status="pending",
            expiry_time=expiry,
            filename=body.get("filename"),
            content_type=body.get("content_type"),
            content_length=None,
        )
        self.uploads[upload["id"]] = upload
        return upload

    async def send(self, number: str, _: Json, request: web.Request) -> Json:
        self._needs("insert")
        upload = self._upload(number)
        if upload["status"] != "pending":
            raise invalid(f"File upload {number} has already been uploaded.")
        part = (await request.post())["file"]
        if not isinstance(part, web.FileField) or part.content_type != upload["content_type"]:
            raise invalid("The content type of the file does not match the file upload.")
        upload["content"] = (data := part.file.read()).hex()
        upload["status"], upload["content_length"] = "uploaded", len(data)
        return upload

    def _upload(self, number: str) -> Json:
        upload = self.uploads.get(number)
        if upload is None:
            raise RefusedError(
                404, "object_not_found", f"Could not find file upload with ID: {number}."
            )
        if (
            upload["expiry_time"] is not None
            and datetime.fromisoformat(upload["expiry_time"]) <= self.now()
        ):
            upload["status"] = "expired"
        return upload


_EMPTY: Json = {"title": [], "rich_text": [], "checkbox": False}
_HANDLERS: dict[tuple[str, bool], Any] = {
    ("GET users", True): Notion.me,
    ("POST pages", False): Notion.make_page,
    ("GET pages", True): Notion.get_page,
    ("PATCH pages", True): Notion.change_page,
    ("GET blocks/children", True): Notion.list_blocks,
    ("PATCH blocks/children", True): Notion.append,
    ("DELETE blocks", True): Notion.delete_block,
    ("POST databases", False): Notion.make_database,
    ("GET databases", True): Notion.get_database,
    ("GET data_sources", True): Notion.get_source,
    ("PATCH data_sources", True): Notion.change_source,
    ("POST data_sources/query", True): Notion.query,
    ("POST file_uploads", False): Notion.make_upload,
    ("POST file_uploads/send", True): Notion.send,
}


def _failed(fault: Fault) -> RefusedError:
    status = int(fault.kind)
    codes = {
        429: "rate_limited",
        409: "conflict_error",
        500: "internal_server_error",
        502: "html",
        503: "service_unavailable",
        504: "gateway_timeout",
    }
    headers = {"Retry-After": str(fault.retry_after)} if status == 429 else {}
    return RefusedError(status, codes.get(status, "html"), "planned by the test", **headers)


def _cut(request: web.Request) -> web.StreamResponse:
    """Close the connection instead of answering."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def _minute(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:00.000Z")


@contextlib.asynccontextmanager
async def running_notion(**options: Any) -> AsyncIterator[Notion]:
    """Run one on a free port of the loopback."""
    notion = Notion(**options)
    app = web.Application(client_max_size=30 * 1024**2)
    app.router.add_route("*", "/{path:.*}", notion.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    notion.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield notion
    finally:
        await runner.cleanup()
