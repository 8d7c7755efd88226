"""Own ``parse_mode=HTML``: Telegram's few tags, read as strictly as its server reads them.

The order of the checks and the texts follow TDLib's ``parse_html`` (MessageEntity.cpp), so that
``p < 0.05`` fails here with the words it fails with there.
"""

import re
from dataclasses import dataclass
from typing import Any

from bot.sandbox.errors import ApiError, bad_request
from bot.sandbox.links import checked_link, mentioned_user
from bot.sandbox.text import SURROGATES, byte_offset, units

Json = dict[str, Any]

_KINDS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "a": "text_link",
    "tg-emoji": "custom_emoji",
    "tg-time": "date_time",
}
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|([a-zA-Z]+));?")
_LARGEST = 0x10FFFF
_INT64 = 2**63


@dataclass
class _Open:
    tag: str
    attributes: dict[str, str]
    offset: int  # UTF-16
    place: int  # in characters of the result


def parse_html(text: str) -> tuple[str, list[Json]]:
    """Give the text without tags, and its entities."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.out: list[str] = []
        self.offset = 0
        self.open: list[_Open] = []
        self.entities: list[Json] = []

    def read(self) -> tuple[str, list[Json]]:
        while self.at < len(self.text):
            sign = self.text[self.at]
            if sign == "<":
                self._tag()
            elif sign == "&":
                self._put(self._reference())
            else:
                self.at += 1
                self._put(sign)
        if self.open:
            raise _fault(f'Can\'t find end tag corresponding to start tag "{self.open[-1].tag}"')
        for entity in self.entities:
            if entity["type"] == "code":
                entity.pop("language", None)
        return "".join(self.out), self.entities

    def _put(self, sign: str) -> None:
        self.out.append(sign)
        self.offset += units(sign)

    def _reference(self) -> str:
        found = _REFERENCE.match(self.text, self.at)
        sign = _decoded(found) if found else None
        if found is None or sign is None:
            self.at += 1
            return "&"
        self.at = found.end()
        return sign

    def _tag(self) -> None:
        begin = self.at
        self.at += 1
        if self.text[self.at : self.at + 1] == "/":
            self._end_tag(begin)
        else:
            self._start_tag(begin)

    def _start_tag(self, begin: int) -> None:
        name = self._until(" \t\r\n>").lower()
        if self.at >= len(self.text):
            raise _fault(f"Unclosed start tag at byte offset {self._byte(begin)}")
        if name not in _KINDS:
            raise _fault(f'Unsupported start tag "{name}" at byte offset {self._byte(begin)}')
        attributes = self._attributes(name, begin)
        if name == "span" and attributes.get("class") != "tg-spoiler":
            raise _fault(
                f'Tag "span" must have class "tg-spoiler" at byte offset {self._byte(begin)}'
            )
        self.open.append(_Open(name, attributes, self.offset, len(self.out)))

    def _attributes(self, tag: str, begin: int) -> dict[str, str]:
        attributes: dict[str, str] = {}
        while True:
            self._spaces()
            if self.at >= len(self.text):
                raise _fault(f"Unclosed start tag at byte offset {self._byte(begin)}")
            if self.text[self.at] == ">":
                self.at += 1
                return attributes
            name, value = self._attribute(tag, begin)
            attributes[name] = value

    def _attribute(self, tag: str, begin: int) -> tuple[str, str]:
        place = self._byte(begin)
        name = self._until(" \t\r\n=>")
        if not name:
            raise _fault(f'Empty attribute name in the tag "{tag}" at byte offset {place}')
        self._spaces()
        if self.text[self.at : self.at + 1] != "=":
            if tag == "blockquote" and name == "expandable":
                return name, ""
            raise _fault(
                "Expected equal sign in declaration of an attribute of the tag "
                f'"{tag}" at byte offset {place}'
            )
        self.at += 1
        self._spaces()
        return name, self._value(begin)

    def _value(self, begin: int) -> str:
        quote = self.text[self.at : self.at + 1]
        if quote not in {"'", '"'}:
            start = self.at
            found = re.compile(r"[a-zA-Z0-9.-]*").match(self.text, start)
            self.at = found.end() if found else start
            if self.text[self.at : self.at + 1] not in {" ", "\t", "\r", "\n", ">"}:
                raise _fault(f"Unexpected end of name token at byte offset {self._byte(start)}")
            return self.text[start : self.at].lower()
        self.at += 1
        end = self.text.find(quote, self.at)
        if end < 0:
            raise _fault(f"Unclosed start tag at byte offset {self._byte(begin)}")
        raw, self.at = self.text[self.at : end], end + 1
        return _REFERENCE.sub(lambda found: _decoded(found) or found.group(0), raw)

    def _end_tag(self, begin: int) -> None:
        if not self.open:
            raise _fault(f"Unexpected end tag at byte offset {self._byte(begin)}")
        self.at += 1
        name = self._until(" \t\r\n>").lower()
        self._spaces()
        if self.text[self.at : self.at + 1] != ">":
            raise _fault(f"Unclosed end tag at byte offset {self._byte(begin)}")
        self.at += 1
        opened = self.open.pop()
        if name not in {"", opened.tag}:
            raise _fault(
                f"Unmatched end tag at byte offset {self._byte(begin)}, "
                f'expected "</{opened.tag}>", found "</{name}>"'
            )
        if self.offset > opened.offset:
            self._close(opened)

    def _close(self, opened: _Open) -> None:
        inner = "".join(self.out[opened.place :])
        entity = _entity(opened, inner)
        if entity is None:
            return
        entity |= {"offset": opened.offset, "length": self.offset - opened.offset}
        twin = self.entities[-1] if self.entities else None
        if twin is not None and _same_block(twin, entity):
            # <pre><code class="language-x"> is one entity: a block with a language
            twin["type"] = "pre"
            twin |= {name: entity[name] for name in ("language",) if name in entity}
            return
        self.entities.append(entity)

    def _until(self, stops: str) -> str:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in stops:
            self.at += 1
        return self.text[start : self.at]

    def _spaces(self) -> None:
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1

    def _byte(self, at: int) -> int:
        return byte_offset(self.text, at)


def _entity(opened: _Open, inner: str) -> Json | None:
    kind = _KINDS[opened.tag]
    given = opened.attributes
    if kind == "text_link":
        return _link(given.get("href") or inner)
    if kind == "custom_emoji":
        number = given.get("emoji-id", "")
        if not number.isdigit() or not 0 < int(number) < _INT64:
            raise _fault("Invalid custom emoji identifier specified")
        return {"type": kind, "custom_emoji_id": number}
    if kind == "date_time":
        return date_time(given.get("unix", ""), given.get("format", ""))
    if kind == "blockquote" and "expandable" in given:
        return {"type": "expandable_blockquote"}
    if kind == "code" and given.get("class", "").startswith("language-"):
        return {"type": kind, "language": given["class"].removeprefix("language-")}
    return {"type": kind}


def date_time(unix: str, form: str) -> Json:
    """Give a date-time entity from its attributes, refusing what Telegram would."""
    if not unix.lstrip("-").isdigit():
        raise _fault("Invalid Unix time specified")
    if not re.fullmatch(r"r|w?[dD]?[tT]?", form):
        raise _fault("Invalid date-time format specified")
    format_ = {"date_time_format": form} if form else {}
    return {"type": "date_time", "unix_time": int(unix), **format_}


def _link(url: str) -> Json | None:
    if mentioned_user(url) is not None:
        return {"type": "text_link", "url": url}
    try:
        return {"type": "text_link", "url": checked_link(url, "URL")}
    except ApiError:
        return None  # the text stays, the link goes: that is what Telegram does


def _same_block(one: Json, other: Json) -> bool:
    same = one["offset"] == other["offset"] and one["length"] == other["length"]
    return same and {one["type"], other["type"]} == {"code", "pre"}


def _decoded(found: re.Match[str]) -> str | None:
    sixteen, ten, name = found.groups()
    if name is not None:
        return _NAMED.get(name)
    code = int(sixteen, 16) if sixteen else int(ten)
    return chr(code) if 0 < code < _LARGEST and code not in SURROGATES else None


def _fault(text: str) -> ApiError:
    return bad_request(f"can't parse entities: {text}")
