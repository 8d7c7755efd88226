"""Own formatted text: its length as Telegram counts it, and the entities it may carry."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.sandbox.errors import bad_request
from bot.sandbox.html_markup import parse_html
from bot.sandbox.links import checked_link, detect, mentioned_user
from bot.sandbox.markdown_markup import parse_legacy_markdown, parse_markdown
from bot.sandbox.params import Json, Params
from bot.sandbox.text import units

PLAIN = frozenset(
    {
        "bold",
        "italic",
        "underline",
        "strikethrough",
        "spoiler",
        "blockquote",
        "expandable_blockquote",
        "code",
    }
)
AUTOMATIC = frozenset(
    {"mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number"}
)
_OPAQUE = frozenset({"code", "pre", "text_link", "text_mention", "custom_emoji"})
_DATE_FORMAT = re.compile(r"^(?:r|w?[dD]?[tT]?)$")
_INT64 = 2**63
_FIELDS: dict[str, tuple[str, type]] = {
    "text_link": ("url", str),
    "text_mention": ("user", dict),
    "custom_emoji": ("custom_emoji_id", str),
    "date_time": ("unix_time", int),
}


@dataclass(frozen=True)
class Formatted:
    """A text and its entities, offsets in UTF-16 code units."""

    text: str
    entities: tuple[Json, ...] = ()

    def __len__(self) -> int:
        return units(self.text)


def read_formatted(params: Params, name: str, entities_name: str) -> Formatted:
    """Read a text with its entities or parse mode, as strictly as Telegram.

    Parameters
    ----------
    params
        The call.
    name, entities_name
        ``text`` and ``entities``, or ``caption`` and ``caption_entities``.

    Returns
    -------
    Formatted
        Trimmed, entities valid and sorted, links and commands marked.
    """
    text = params.text(name).replace("\r\n", "\n")
    mode = params.text("parse_mode").lower()
    if mode:
        text, found = _parser(mode)(text)
    else:
        found = given_entities(params.structure(entities_name))
    return tidy(text, found)


def _parser(mode: str) -> Callable[[str], tuple[str, list[Json]]]:
    parsers = {
        "html": parse_html,
        "markdownv2": parse_markdown,
        "markdown": parse_legacy_markdown,
    }
    if mode not in parsers:
        raise bad_request("unsupported parse_mode")
    return parsers[mode]


def given_entities(value: Any) -> list[Json]:
    """Check the entities a caller wrote, without the text they belong to."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise bad_request('field "entities" must be of type Array')
    return [entity for entity in map(_checked, value) if entity is not None]


def _checked(entity: Any) -> Json | None:
    if not isinstance(entity, dict):
        raise bad_request("can't parse MessageEntity: expected an Object")
    kind = _field(entity, "type", str)
    given = {name: _field(entity, name, int) for name in ("offset", "length")}
    if kind in AUTOMATIC:
        return None  # found anew in the text, whatever the caller says
    if kind in PLAIN:
        return {"type": kind, **given}
    if kind == "pre":
        language = {"language": str(entity["language"])} if entity.get("language") else {}
        return {"type": kind, **given, **language}
    if kind not in _FIELDS:
        raise bad_request("can't parse MessageEntity: Unsupported type specified")
    name, wanted = _FIELDS[kind]
    return {"type": kind, **given, **_special(kind, entity, _field(entity, name, wanted))}


def _special(kind: str, entity: Json, value: Any) -> Json:
    if kind == "text_link":
        return _linked(value)
    if kind == "text_mention":
        if not isinstance(value.get("id"), int) or value["id"] <= 0:
            raise bad_request("user not found")
        return {"user": value}
    if kind == "custom_emoji":
        if not value.isdigit() or int(value) >= _INT64:
            raise bad_request(
                'can\'t parse MessageEntity: Field "custom_emoji_id" must be a valid Number'
            )
        return {"custom_emoji_id": value}
    form = str(entity.get("date_time_format") or "")
    if not _DATE_FORMAT.match(form):
        raise bad_request("can't parse MessageEntity: Invalid date-time format specified")
    return {"unix_time": value, **({"date_time_format": form} if form else {})}


def _linked(url: str) -> Json:
    if mentioned_user(url) is not None:
        return {"url": url}
    return {"url": checked_link(url, "entity URL")}


def _field(entity: Json, name: str, wanted: type) -> Any:
    value = entity.get(name)
    if value is None:
        raise bad_request(f"can't parse MessageEntity: Can't find field \"{name}\"")
    if wanted is int and isinstance(value, str) and value.lstrip("-").isdigit():
        value = int(value)
    if not isinstance(value, wanted) or isinstance(value, bool):
        words = {str: "String", int: "Number", dict: "Object"}[wanted]
        raise bad_request(f'can\'t parse MessageEntity: Field "{name}" must be of type {words}')
    return value


def tidy(text: str, entities: list[Json]) -> Formatted:
    """Check bounds, trim the text, drop what is empty or forbidden, mark links and commands."""
    ends = _boundaries(text)
    inside = [_inside(entity, text, ends) for entity in entities if entity["length"] != 0]
    stripped = text.strip()
    start = units(text[: len(text) - len(text.lstrip())])
    kept = [_moved(entity, start, units(stripped)) for entity in inside]
    ordered = sorted(
        (entity for entity in kept if entity["length"] > 0),
        key=lambda entity: (entity["offset"], -entity["length"]),
    )
    shown = _without_nested_code(ordered)
    both = shown + _detected(stripped, shown)
    return Formatted(stripped, tuple(sorted(both, key=lambda e: (e["offset"], -e["length"]))))


def _boundaries(text: str) -> set[int]:
    places, at = {0}, 0
    for sign in text:
        at += units(sign)
        places.add(at)
    return places


def _inside(entity: Json, text: str, boundaries: set[int]) -> Json:
    start, length, size = entity["offset"], entity["length"], units(text)
    end = start + length
    if start < 0:
        raise bad_request(f"receive an entity with incorrect offset {start}")
    if length < 0:
        raise bad_request(f"receive an entity with incorrect length {length}")
    if start >= size:
        raise bad_request(f"entity begins after the end of the text at UTF-16 offset {start}")
    if end > size:
        raise bad_request(
            f"entity beginning at UTF-16 offset {start} ends after the end of the text "
            f"at UTF-16 offset {end}"
        )
    if start not in boundaries:
        raise bad_request(f"entity begins in a middle of a UTF-16 symbol at offset {start}")
    if end not in boundaries:
        raise bad_request(
            f"entity beginning at UTF-16 offset {start} ends in a middle of a UTF-16 symbol "
            f"at UTF-16 offset {end}"
        )
    return entity


def _moved(entity: Json, cut: int, size: int) -> Json:
    start = max(entity["offset"] - cut, 0)
    end = min(entity["offset"] + entity["length"] - cut, size)
    return entity | {"offset": start, "length": end - start}


def _without_nested_code(entities: list[Json]) -> list[Json]:
    """Drop what touches a code block from within: code carries no other format."""
    kept: list[Json] = []
    for entity in entities:
        blocks = [other for other in kept if other["type"] in {"code", "pre"}]
        if not any(_touch(entity, block) for block in blocks):
            kept.append(entity)
    return kept


def _detected(text: str, entities: list[Json]) -> list[Json]:
    opaque = [entity for entity in entities if entity["type"] in _OPAQUE]
    found = [
        {"type": kind, "offset": units(text[:start]), "length": units(text[start:end])}
        for kind, start, end in detect(text)
    ]
    return [entity for entity in found if not any(_touch(entity, o) for o in opaque)]


def _touch(one: Json, other: Json) -> bool:
    return bool(
        one["offset"] < other["offset"] + other["length"]
        and other["offset"] < one["offset"] + one["length"]
    )
