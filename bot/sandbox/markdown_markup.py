"""Own ``parse_mode=MarkdownV2`` and the older ``Markdown``, as strict as Telegram's server.

Follows TDLib's ``parse_markdown_v2`` (MessageEntity.cpp): every reserved sign outside an entity
must be escaped, or the whole message is refused.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bot.sandbox.errors import ApiError, bad_request
from bot.sandbox.html_markup import date_time
from bot.sandbox.links import checked_link, mentioned_user
from bot.sandbox.text import byte_offset, units

Json = dict[str, Any]

_RESERVED = "_*[]()~`>#+-=|{}.!"
_NAMES = {
    "bold": "Bold",
    "italic": "Italic",
    "underline": "Underline",
    "strikethrough": "Strikethrough",
    "spoiler": "Spoiler",
    "code": "Code",
    "pre": "Pre",
    "text_link": "TextUrl",
    "special": "CustomEmoji",
    "blockquote": "BlockQuote",
}
_MARKS = {
    "bold": "*",
    "italic": "_",
    "underline": "__",
    "strikethrough": "~",
    "spoiler": "||",
    "code": "`",
    "pre": "```",
    "text_link": "]",
    "special": "]",
}


@dataclass
class _Open:
    kind: str
    offset: int
    byte: int
    place: int
    language: str = ""


def parse_markdown(text: str) -> tuple[str, list[Json]]:
    """Give the text without MarkdownV2 marks, and its entities."""
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
        self._line_start()
        while self.at < len(self.text):
            self._step()
        self._end_quote()
        if self.open:
            raise self._no_end(self.open[-1])
        return "".join(self.out), self.entities

    def _step(self) -> None:
        sign = self.text[self.at]
        following = self.text[self.at + 1 : self.at + 2]
        if sign == "\\" and following and 0 < ord(following) <= 126:  # noqa: PLR2004 - ASCII
            self._put(following, 2)
        elif self.open and self.open[-1].kind in {"code", "pre"}:
            self._inside_code(sign)
        elif sign == "\n":
            self._new_line()
        elif sign not in _RESERVED:
            self._put(sign, 1)
        elif self.open and self._closes(self.open[-1].kind):
            self._close()
        else:
            self._begin(sign)

    def _put(self, sign: str, taken: int) -> None:
        self.out.append(sign)
        self.offset += units(sign)
        self.at += taken

    def _inside_code(self, sign: str) -> None:
        if self._closes(self.open[-1].kind):
            self._close()
        elif sign == "`":
            raise self._reserved(sign)
        else:
            self._put(sign, 1)

    def _new_line(self) -> None:
        quoted = any(opened.kind == "blockquote" for opened in self.open)
        if quoted and self.text[self.at + 1 : self.at + 2] == ">":
            self._put("\n", 2)
            return
        if quoted:
            self._end_quote()
            if any(opened.kind == "blockquote" for opened in self.open):
                raise self._no_end(self.open[-1])
        self._put("\n", 1)
        self._line_start()

    def _line_start(self) -> None:
        if self.text.startswith("**>", self.at):
            self.at += 2
        if self.text.startswith(">", self.at):
            self._push("blockquote", 1)

    def _end_quote(self) -> None:
        """End a quote where its line ends; a lone ``||`` before that makes it expandable."""
        kind = "blockquote"
        if [opened.kind for opened in self.open[-2:]] == ["blockquote", "spoiler"]:
            if self.open[-1].place != len(self.out):
                raise self._no_end(self.open[-1])
            self.open.pop()
            kind = "expandable_blockquote"
        if self.open and self.open[-1].kind == "blockquote":
            self._add(self.open.pop(), {"type": kind})

    def _closes(self, kind: str) -> bool:
        mark = _MARKS.get(kind)
        if mark is None or not self.text.startswith(mark, self.at):
            return False
        return kind != "italic" or not self.text.startswith("__", self.at)

    def _begin(self, sign: str) -> None:
        for kind in ("pre", "code", "underline", "italic", "bold", "strikethrough", "spoiler"):
            if self.text.startswith(_MARKS[kind], self.at):
                self._push(kind, len(_MARKS[kind]))
                return
        if sign == "[":
            self._push("text_link", 1)
        elif self.text.startswith("![", self.at):
            self._push("special", 2)
        else:
            raise self._reserved(sign)

    def _push(self, kind: str, taken: int) -> None:
        opened = _Open(kind, self.offset, self._byte(self.at), len(self.out))
        self.open.append(opened)
        self.at += taken
        if kind == "pre":
            self._language(opened)

    def _language(self, opened: _Open) -> None:
        end = self.at
        while end < len(self.text) and not self.text[end].isspace() and self.text[end] != "`":
            end += 1
        if end > self.at and end < len(self.text) and self.text[end] != "`":
            opened.language = self.text[self.at : end]
            self.at = end
        if self.text.startswith("\n", self.at):
            self.at += 1

    def _close(self) -> None:
        opened = self.open.pop()
        self.at += len(_MARKS[opened.kind])
        if opened.kind == "text_link":
            inner = "".join(self.out[opened.place :])
            self._add(opened, _link(self._url() or inner))
        elif opened.kind == "special":
            self._add(opened, _special(self._url()))
        else:
            language = {"language": opened.language} if opened.language else {}
            self._add(opened, {"type": opened.kind, **language})

    def _add(self, opened: _Open, entity: Json | None) -> None:
        length = self.offset - opened.offset
        if entity is not None and length > 0:
            self.entities.append(entity | {"offset": opened.offset, "length": length})

    def _url(self) -> str:
        if not self.text.startswith("(", self.at):
            return ""
        self.at += 1
        begin, url = self.at, ""
        while self.at < len(self.text) and self.text[self.at] != ")":
            if self.text[self.at] == "\\" and self.at + 1 < len(self.text):
                self.at += 1
            url += self.text[self.at]
            self.at += 1
        if self.at >= len(self.text):
            raise _fault(f"Can't find end of a URL at byte offset {self._byte(begin)}")
        self.at += 1
        return url

    def _byte(self, at: int) -> int:
        return byte_offset(self.text, at)

    def _reserved(self, sign: str) -> ApiError:
        return _fault(
            f"Character '{sign}' is reserved and must be escaped with the preceding '\\'"
        )

    def _no_end(self, opened: _Open) -> ApiError:
        name = "PreCode" if opened.language else _NAMES[opened.kind]
        return _fault(f"Can't find end of {name} entity at byte offset {opened.byte}")


def _link(url: str) -> Json | None:
    if mentioned_user(url) is not None:
        return {"type": "text_link", "url": url}
    try:
        return {"type": "text_link", "url": checked_link(url, "URL")}
    except ApiError:
        return None  # the text stays, the link goes: that is what Telegram does


def _special(url: str) -> Json:
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if parts.scheme == "tg" and parts.netloc == "time":
        return date_time(query.get("unix", ""), query.get("format", ""))
    if parts.scheme == "tg" and parts.netloc == "emoji" and query.get("id", "").isdigit():
        return {"type": "custom_emoji", "custom_emoji_id": query["id"]}
    raise _fault("Custom emoji entity must contain a tg://emoji URL")


def parse_legacy_markdown(text: str) -> tuple[str, list[Json]]:
    """Give the text without the older Markdown's marks: no nesting, no escapes but backslash."""
    kinds = {"```": "pre", "*": "bold", "_": "italic", "`": "code", "[": "text_link"}
    out, at, entities = "", 0, []
    while at < len(text):
        if text[at] == "\\" and text[at + 1 : at + 2] in {"_", "*", "`", "["}:
            out, at = out + text[at + 1], at + 2
            continue
        mark = next((mark for mark in kinds if text.startswith(mark, at)), None)
        if mark is None:
            out, at = out + text[at], at + 1
            continue
        end = text.find("]" if mark == "[" else mark, at + len(mark))
        if end < 0:
            byte = byte_offset(text, at)
            raise _fault(f"Can't find end of the entity starting at byte offset {byte}")
        inner = text[at + len(mark) : end]
        entity, at = _legacy(kinds[mark], text, end + len("]" if mark == "[" else mark), inner)
        if entity is not None and inner:
            entities.append(entity | {"offset": units(out), "length": units(inner)})
        out += inner
    return out, entities


def _legacy(kind: str, text: str, at: int, inner: str) -> tuple[Json | None, int]:
    if kind != "text_link":
        return {"type": kind}, at
    end = text.find(")", at)
    if text[at : at + 1] != "(" or end < 0:
        return _link(inner), at
    return _link(text[at + 1 : end]), end + 1


def _fault(text: str) -> ApiError:
    return bad_request(f"can't parse entities: {text}")
