"""Own what Telegram takes for a link, and what it finds in a text by itself."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from bot.sandbox.errors import bad_request

_SCHEME = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]*)://")
_HOST = re.compile(r"^(?:[\w-]{1,63}\.)+[^\W\d_][\w-]{0,62}$")
_OWN_SCHEMES = frozenset({"tg", "ton", "tonsite"})
_DETECTED = (
    ("url", re.compile(r"\bhttps?://[^\s<>\"]*[^\s<>\".,;:!?)\]}]")),
    ("email", re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.-]*\w")),
    ("bot_command", re.compile(r"(?<![\w/<>])/[a-zA-Z0-9_]{1,64}(?:@\w{3,32})?(?![\w/])")),
    ("mention", re.compile(r"(?<![\w@/])@[a-zA-Z]\w{3,31}(?!\w)")),
    ("hashtag", re.compile(r"(?<![\w#/])#(?=\w*[^\W\d])\w{1,256}")),
    ("cashtag", re.compile(r"(?<![\w$])\$[A-Z]{3,8}(?!\w)")),
)


def link_fault(url: str) -> str | None:
    """Say why Telegram would refuse a link; None when it would take it.

    Notes
    -----
    Hosts without a dot are refused, so ``http://localhost`` is: a button with such a link works
    nowhere but on the machine that made it.
    """
    url = url.strip()
    found = _SCHEME.match(url)
    if found is not None and found.group(1).lower() in _OWN_SCHEMES:
        return None
    if found is not None and found.group(1).lower() not in {"http", "https"}:
        return "Unsupported URL protocol"
    if not url:
        return "URL host is empty"
    try:
        host = urlsplit(url if found else f"http://{url}").hostname or ""
    except ValueError:
        return "Wrong HTTP URL"
    return None if _known_host(host) and " " not in url else "Wrong HTTP URL"


def checked_link(url: str, of: str) -> str:
    """Give the link, with a scheme; refuse a bad one in Telegram's words."""
    fault = link_fault(url)
    if fault is not None:
        raise bad_request(f"{of} '{url}' is invalid: {fault}")
    url = url.strip()
    return url if _SCHEME.match(url) else f"http://{url}"


def mentioned_user(url: str) -> int | None:
    """Give the user a ``tg://user?id=`` link names."""
    found = re.fullmatch(r"tg://user\?id=(\d{1,19})", url.strip())
    return int(found.group(1)) if found else None


def detect(text: str) -> list[tuple[str, int, int]]:
    """Find what Telegram marks by itself: (type, start, end) in characters, not overlapping."""
    found: list[tuple[str, int, int]] = []
    for kind, pattern in _DETECTED:
        for match in pattern.finditer(text):
            start, end = match.span()
            if all(end <= other[1] or start >= other[2] for other in found):
                found.append((kind, start, end))
    return sorted(found, key=lambda item: item[1])


def _known_host(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return _HOST.match(host) is not None
    return True
