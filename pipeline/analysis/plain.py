"""Text of a model made harmless: one short plain line in which nothing can be tapped."""

import re
import unicodedata
from typing import Final

JOINER: Final = "\u2060"
"""Invisible; where it stands a messenger sees no link, mention, command or tag."""
_LOOKED_AT: Final = 4  # times the length: what is cut off anyway costs no time
REMOVED: Final = "[link removed]"
_URL: Final = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,20}:/{1,3}[^\s<>\"']+|\bwww\.[^\s<>\"']+", re.IGNORECASE
)
_SCHEME: Final = re.compile(r"\b(?:mailto|tel|javascript|data|tg|sms):\S+", re.IGNORECASE)
_MAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_SIGN: Final = re.compile(r"([@#$/])(?=[^\W\d])")
_DOMAIN: Final = re.compile(r"(?<=[^\W_])\.(?=[^\W\d_]{2,})")
_TAG: Final = re.compile(r"</?[a-z][^>]{0,200}>", re.IGNORECASE)


def plain(text: str, most: int = 400) -> str:
    """Return text of at most `most` characters, without links, mentions, commands and markup.

    Notes
    -----
    What only shapes or hides text (control, direction and zero-width marks) goes. Signs and dots
    that would start a link get an invisible joiner behind them, so the words can still be read.
    """
    seen = "".join(_seen(c) for c in text[: _LOOKED_AT * most])
    line = " ".join(_TAG.sub(" ", seen).split())
    for links in (_URL, _SCHEME, _MAIL):
        line = links.sub(REMOVED, line)
    line = line.replace("[](", "(").replace("](", "] (").replace("`", "'")
    line = _SIGN.sub(rf"\1{JOINER}", line)
    line = _DOMAIN.sub(f".{JOINER}", line)
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def _seen(character: str) -> str:
    kind = unicodedata.category(character)
    if kind == "Cc":
        return " "
    return "" if kind[0] == "C" else character
