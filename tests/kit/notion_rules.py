"""What Notion refuses in a request, by its reference: sizes, depth, types. For the fake alone."""

import json
from typing import Any

Json = dict[str, Any]
TYPES = {"title", "rich_text", "number", "select", "date", "checkbox", "url"}
BLOCKS = {"paragraph", "image", "table", "table_row", "heading_2", "bulleted_list_item"}


class RefusedError(Exception):
    """An error answer."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers


def invalid(message: str) -> RefusedError:
    return RefusedError(400, "validation_error", message)


def units(text: str) -> int:
    """Length as JavaScript counts it."""
    return len(text.encode("utf-16-le")) // 2


def only(body: Json, where: str, *allowed: str) -> None:
    for key in body:
        if key not in allowed:
            raise invalid(
                f"body failed validation: {where}.{key} should be not present, instead was `{key}`."
            )


def check_size(raw: bytes) -> None:
    if len(raw) > 500_000:
        raise RefusedError(413, "validation_error", "Request body too large.")


def check_text(items: Any, where: str) -> list[Json]:
    if not isinstance(items, list):
        raise invalid(
            f"body failed validation: {where} should be an array, instead was `{type(items).__name__}`."
        )
    if len(items) > 100:
        raise invalid(
            f"body failed validation: {where}.length should be ≤ `100`, instead was `{len(items)}`."
        )
    kept = []
    for number, item in enumerate(items):
        only(item, f"{where}[{number}]", "type", "text", "annotations")
        content = item["text"]["content"]
        if not isinstance(content, str) or units(content) > 2000:
            raise invalid(
                f"body failed validation: {where}[{number}].text.content.length should be ≤ `2000`, instead was `{units(content)}`."
            )
        link = (item["text"].get("link") or {}).get("url")
        if link is not None and (not link or len(link) > 2000 or "://" not in link):
            raise invalid("Invalid URL for link.")
        kept.append(
            {
                "type": "text",
                "text": {"content": content, "link": {"url": link} if link else None},
                "plain_text": content,
                "href": link,
            }
        )
    return kept


def check_property(name: str, kind: str, value: Any) -> Json:
    given = (
        {key for key in value if key not in ("id", "type")} if isinstance(value, dict) else set()
    )
    if given != {kind}:
        raise invalid(f"{name} is expected to be {kind}.")
    inner = value[kind]
    if kind in ("title", "rich_text"):
        return {"type": kind, kind: check_text(inner, f"body.properties.{name}.{kind}")}
    if kind == "checkbox":
        if not isinstance(inner, bool):
            raise invalid(
                f"body failed validation: body.properties.{name}.checkbox should be a boolean."
            )
    elif inner is not None:
        _check_single(name, kind, inner)
    return {"type": kind, kind: inner}


def _check_single(name: str, kind: str, inner: Any) -> None:
    where = f"body failed validation: body.properties.{name}.{kind}"
    if kind == "number" and (isinstance(inner, bool) or not isinstance(inner, int | float)):
        raise invalid(f"{where} should be a number, instead was `{inner}`.")
    if kind == "select":
        only(inner, f"body.properties.{name}.select", "name", "id", "color")
        if not inner["name"] or len(inner["name"]) > 100 or "," in inner["name"]:
            raise invalid(f"{where}.name is invalid.")
    if kind == "date" and not isinstance(inner.get("start"), str):
        raise invalid(f"{where}.start should be a string.")
    if kind == "url" and (not isinstance(inner, str) or not 1 <= len(inner) <= 2000):
        raise invalid(f"{where}.length should be ≤ `2000`.")


def check_children(children: Any, where: str = "body.children", depth: int = 1) -> int:
    """Return how many elements there are, nested ones included."""
    if not isinstance(children, list) or not children:
        raise invalid(f"body failed validation: {where} should be a non-empty array.")
    if len(children) > 100:
        raise invalid(
            f"body failed validation: {where}.length should be ≤ `100`, instead was `{len(children)}`."
        )
    if depth > 2:
        raise invalid(f"body failed validation: {where} should be not present: nested too deep.")
    count = 0
    for number, block in enumerate(children):
        count += 1 + _check_block(block, f"{where}[{number}]", depth)
    if count > 1000:
        raise invalid(f"body failed validation: {where} has more than 1000 block elements.")
    return count


def _check_block(block: Json, where: str, depth: int) -> int:
    only(block, where, "object", "type", *BLOCKS)
    kind = block.get("type")
    if kind not in BLOCKS or kind not in block:
        raise invalid(f"body failed validation: {where}.type should be a known block type.")
    inner = block[kind]
    if kind == "table":
        only(
            inner,
            f"{where}.table",
            "table_width",
            "has_column_header",
            "has_row_header",
            "children",
        )
        width = inner["table_width"]
        for row in inner["children"]:
            if row.get("type") != "table_row" or len(row["table_row"]["cells"]) != width:
                raise invalid(
                    f"body failed validation: {where}.table: number of cells in table row must match the table width of the parent table."
                )
        return check_children(inner["children"], f"{where}.table.children", depth + 1)
    if kind == "table_row":
        if depth == 1:
            raise invalid(f"{where}: a table_row must be in a table.")
        for cell in inner["cells"]:
            check_text(cell, f"{where}.table_row.cells")
    elif kind == "image":
        if inner.get("type") not in ("file_upload", "external"):
            raise invalid(f"body failed validation: {where}.image.file_upload should be defined.")
    else:
        check_text(inner["rich_text"], f"{where}.{kind}.rich_text")
    return 0


def check_schema(properties: Json) -> Json:
    kept: Json = {}
    for name, column in properties.items():
        kinds = [key for key in column if key != "name"]
        if len(kinds) != 1 or kinds[0] not in TYPES:
            raise invalid(
                f"body failed validation: body.properties.{name} should be a known type."
            )
        kept[name] = {"id": name, "name": name, "type": kinds[0], kinds[0]: column[kinds[0]]}
    return kept


def matches(page: Json, wanted: Json, schema: Json) -> bool:
    """Whether a page fits a filter; of those the journal asks for."""
    if "and" in wanted:
        return all(matches(page, one, schema) for one in wanted["and"])
    if "timestamp" in wanted:
        kind = wanted["timestamp"]
        only(wanted, "body.filter", "timestamp", kind)
        condition = wanted[kind]
        if set(condition) != {"on_or_after"}:
            raise invalid("body failed validation: body.filter should be a known condition.")
        return page[kind] >= _moment(condition["on_or_after"])
    name = wanted["property"]
    if name not in schema:
        raise invalid(f"Could not find property with name or id: {name}")
    kind = schema[name]["type"]
    if set(wanted) != {"property", kind}:
        raise invalid(
            f"database property {kind} does not match filter {json.dumps(sorted(wanted))}"
        )
    value = page["properties"].get(name, {}).get(kind)
    plain = (
        "".join(i["plain_text"] for i in value or [])
        if kind in ("rich_text", "title")
        else (value or {}).get("name")
    )
    return bool(plain == wanted[kind]["equals"])


def _moment(text: str) -> str:
    return text.replace("+00:00", "Z")[:19] + ".000Z"
