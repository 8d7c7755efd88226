"""What must not leave the process in a log line, and how it is masked."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

MASK = "***"
_DEEPEST = 12
_NAMES = (
    r"token|pass(?:word|wd|phrase)|secret|(?:api|secret|private)[_\-]?key"
    r"|authorization|auth[_\-]?string"
)
_SECRET_NAME = re.compile(rf"(?:{_NAMES})$", re.IGNORECASE)
_IN_TEXT: tuple[tuple[re.Pattern[str], str], ...] = (
    # Telegram's bot tokens, as they are and as they stand in a URL
    (re.compile(r"\d+(?::|%3[Aa])[\w\-]{30,}"), MASK),
    (re.compile(r"(://[^\s/:@]*):[^\s@]+@"), rf"\1:{MASK}@"),
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/\-]{8,}=*", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"\b(?:sk-|scout_|ntn_|secret_|ghp_|xox[bp]-)[\w\-]{16,}"), MASK),
    # name=value, name: value, "name": "value", name='value'
    (
        re.compile(
            rf"""((?:{_NAMES})["']?\s*[=:]\s*)(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\s"',;&)\]}}]+)""",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
)


def masked(words: str) -> str:
    """Return text with the secrets in it replaced by "***"."""
    for pattern, instead in _IN_TEXT:
        words = pattern.sub(instead, words)
    return words


def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a secret (bot_token, apiKey, SMTP_PASSWORD …)."""
    return bool(_SECRET_NAME.search(name))


def scrubbed(value: Any, _depth: int = 0) -> Any:
    """Return a copy of a log field's value, of plain types only, without secrets.

    Objects that are no plain data become their masked repr, since a renderer would print it.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return masked(value)
    if _depth > _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {masked(str(k)): _field(str(k), item, _depth) for k, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [scrubbed(item, _depth + 1) for item in value]
    return masked(value.isoformat() if isinstance(value, date) else repr(value))


def _field(name: str, value: Any, depth: int) -> Any:
    if is_secret_name(name) and value not in (None, ""):
        return MASK
    return scrubbed(value, depth + 1)
