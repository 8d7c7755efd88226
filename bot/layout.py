"""Fitting a text and its entities into what Telegram takes, and the view that handlers send.

Offsets and lengths are UTF-16 code units, as the Bot API counts them.
"""

from dataclasses import dataclass, field
from typing import Any

from aiogram.types import InlineKeyboardMarkup, MessageEntity
from aiogram.utils.formatting import Text

MESSAGE_LIMIT = 4096
CAPTION_LIMIT = 1024
ENTITY_LIMIT = 100  # Telegram drops the rest silently
CUT = "\n… (shortened)"


@dataclass(frozen=True)
class View:
    """What one message shows: text, entities, buttons. Never a parse mode."""

    text: str
    entities: list[MessageEntity] = field(default_factory=list)
    keyboard: InlineKeyboardMarkup | None = None

    def message(self) -> dict[str, Any]:
        """Return the arguments for sendMessage and editMessageText."""
        return {
            "text": self.text,
            "entities": self.entities,
            "parse_mode": None,
            "reply_markup": self.keyboard,
        }

    def caption(self) -> dict[str, Any]:
        """Return the arguments for media with a caption."""
        return {
            "caption": self.text,
            "caption_entities": self.entities,
            "parse_mode": None,
            "reply_markup": self.keyboard,
        }


def units(text: str) -> int:
    """Return the length of `text` in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def fit(
    body: Text, keyboard: InlineKeyboardMarkup | None = None, limit: int = MESSAGE_LIMIT
) -> View:
    """Render `body`, cutting what is over `limit` code units at a line's end where there is one.

    Notes
    -----
    An entity over the cut is shortened to it; an empty one is left out, as Telegram refuses it.
    """
    text, entities = _storable(body).render()
    kept = text
    if units(text) > limit:
        kept = _head(text, limit - units(CUT))
        text = kept + CUT
    size = units(kept)
    clipped = [_clip(entity, size) for entity in entities]
    return View(text, [e for e in clipped if e.length > 0][:ENTITY_LIMIT], keyboard)


def _storable(body: Text) -> Text:
    """Replace what can't travel as UTF-8 or is no text: lone surrogates and NULs."""
    nodes = (_storable(node) if isinstance(node, Text) else _plain(str(node)) for node in body)
    return body.replace(*nodes)


def _plain(text: str) -> str:
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" or c == "\0" else c for c in text)


def _head(text: str, limit: int) -> str:
    """Return the longest beginning of `text` of at most `limit` units, preferring whole lines."""
    head = text.encode("utf-16-le")[: 2 * limit].decode("utf-16-le", "ignore")
    line_end = head.rfind("\n")
    return head[:line_end] if line_end > len(head) // 2 else head


def _clip(entity: MessageEntity, size: int) -> MessageEntity:
    length = max(0, min(entity.offset + entity.length, size) - entity.offset)
    return entity.model_copy(update={"length": length})
