"""The Notion of the tests refuses what the real one refuses, so that what passes it is fit to send."""

import httpx
import pytest

from storage import notion_shapes as shapes
from tests.kit.journal import Pause
from tests.kit.notion import TOKEN, running_notion

PARAGRAPH = shapes.paragraphs("x")[0]
ROW = {"object": "block", "type": "table_row", "table_row": {"cells": [[]]}}


def table(*children, width=1):
    return {
        "object": "block",
        "type": "table",
        "table": {
            "table_width": width,
            "has_column_header": False,
            "has_row_header": False,
            "children": list(children),
        },
    }


def image(upload):
    return {
        "object": "block",
        "type": "image",
        "image": {"type": "file_upload", "file_upload": {"id": upload}},
    }


@pytest.fixture
async def notion():
    async with running_notion(monotonic=Pause(), burst=100.0) as running:
        yield running


async def call(notion, method, path, body=None, *, status=200, **headers):
    given = {"Authorization": f"Bearer {TOKEN}", "Notion-Version": "2025-09-03", **headers}
    async with httpx.AsyncClient(headers=given) as client:
        answer = await client.request(method, f"{notion.url}/v1/{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def made(notion):
    parent = {"type": "page_id", "page_id": notion.add_page("Trading")}
    body = {
        "parent": parent,
        "title": shapes.rich_text("J"),
        "initial_data_source": {"properties": shapes.schema()},
    }
    return (await call(notion, "POST", "databases", body))["data_sources"][0]["id"]


async def page(notion, source, status=200, **properties):
    body = {
        "parent": {"type": "data_source_id", "data_source_id": source},
        "properties": properties,
    }
    return await call(notion, "POST", "pages", body, status=status)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer no"}, 401),
        ({"Notion-Version": "2022-06-28"}, 400),
        ({"Notion-Version": ""}, 400),
    ],
)
async def test_who_may_ask_and_how(notion, headers, status):
    await call(notion, "GET", "users/me", status=status, **headers)


async def test_three_requests_a_second():
    pause = Pause()
    async with running_notion(monotonic=pause) as notion:
        for _ in range(4):
            await call(notion, "GET", "users/me")
        await call(notion, "GET", "users/me", status=429)
        pause.now += 1
        for _ in range(3):
            await call(notion, "GET", "users/me")
        await call(notion, "GET", "users/me", status=429)


@pytest.mark.parametrize(
    ("children", "words"),
    [
        ([PARAGRAPH] * 101, "length should be ≤ `100`"),
        ([], "non-empty"),
        ([shapes.paragraphs("x")[0] | {"extra": 1}], "not present"),
        ([{"object": "block", "type": "paragraph", "paragraph": {"rich_text": [{"type": "text", "text": {"content": "x" * 2001}}]}}], "≤ `2000`"),
        ([{"object": "block", "type": "paragraph", "paragraph": {"rich_text": [{"type": "text", "text": {"content": "😀" * 1001}}]}}], "≤ `2000`"),
        ([{"object": "block", "type": "paragraph", "paragraph": {"rich_text": shapes.rich_text("x") * 101}}], "≤ `100`"),
        ([table(ROW, width=2)], "table width"),
        ([table(*[ROW] * 101)], "≤ `100`"),
        ([table(*[ROW] * 99)] * 11, "1000 block elements"),
        ([ROW], "must be in a table"),
        ([image("00000000-0000-4000-8000-000000000000")], "Could not find file upload"),
    ],
)  # fmt: skip
async def test_blocks_past_the_limits(notion, children, words):
    made_page = await page(notion, await made(notion), Name={"title": shapes.rich_text("n")})
    status = 404 if "find file" in words else 400
    said = await call(
        notion,
        "PATCH",
        f"blocks/{made_page['id']}/children",
        {"children": children},
        status=status,
    )
    assert words in said["message"]
    assert notion.on(made_page["id"]) == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("Colour", {"rich_text": []}, "Colour is not a property that exists"),
        ("Trades", {"rich_text": []}, "Trades is expected to be number"),
        ("Trades", {"number": "3"}, "should be a number"),
        ("Setup", {"select": {"name": "a,b"}}, "invalid"),
        ("Synthetic", {"checkbox": None}, "boolean"),
        ("Chat", {"url": ""}, "≤ `2000`"),
        ("Date", {"date": {}}, "start"),
    ],
)
async def test_properties_that_do_not_fit_the_columns(notion, name, value, words):
    said = await page(notion, await made(notion), 400, **{name: value})
    assert words in said["message"]
    assert notion.entries() == []


async def test_uploads_are_sent_before_they_are_attached(notion):
    made_page = await page(notion, await made(notion), Name={"title": shapes.rich_text("n")})
    upload = await call(
        notion,
        "POST",
        "file_uploads",
        {"mode": "single_part", "filename": "a.png", "content_type": "image/png"},
    )
    path, body = f"blocks/{made_page['id']}/children", {"children": [image(upload["id"])]}
    assert "pending" in (await call(notion, "PATCH", path, body, status=400))["message"]


async def test_pages_in_the_trash_and_cursors(notion):
    source = await made(notion)
    pages = [
        await page(notion, source, Name={"title": shapes.rich_text(str(n))}) for n in range(3)
    ]
    await call(notion, "PATCH", f"pages/{pages[0]['id']}", {"in_trash": True})
    await call(notion, "PATCH", f"pages/{pages[0]['id']}", {"properties": {}}, status=400)
    query = f"data_sources/{source}/query"
    first = await call(notion, "POST", query, {"page_size": 1})
    assert (len(first["results"]), first["has_more"]) == (1, True)
    rest = await call(
        notion, "POST", query, {"page_size": 1, "start_cursor": first["next_cursor"]}
    )
    assert ([rest["results"][0]["id"]], rest["has_more"]) == ([pages[2]["id"]], False)
    await call(notion, "POST", query, {"page_size": 101}, status=400)
    await call(
        notion,
        "POST",
        query,
        {"filter": {"property": "Nope", "select": {"equals": "x"}}},
        status=400,
    )
    await call(
        notion,
        "POST",
        query,
        {"filter": {"property": "Trades", "select": {"equals": "x"}}},
        status=400,
    )


async def test_what_is_not_shared_is_not_there(notion):
    hidden = notion.add_page("Hidden", shared=False)
    await call(notion, "GET", f"pages/{hidden}", status=404)
    body = {
        "parent": {"type": "page_id", "page_id": hidden},
        "title": [],
        "initial_data_source": {"properties": shapes.schema()},
    }
    await call(notion, "POST", "databases", body, status=404)
    await call(
        notion, "POST", "pages", {"parent": {}, "properties": {}, "pad": "x" * 500_001}, status=413
    )
