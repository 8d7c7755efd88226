"""Own the parameters of one Bot API call: query, urlencoded, multipart or JSON, all read alike."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.sandbox.errors import bad_request

Json = dict[str, Any]

_FALSE = frozenset({"", "0", "false", "no", "none", "null"})


@dataclass(frozen=True)
class Upload:
    """A file that came with the call."""

    name: str
    mime: str
    content: bytes


@dataclass(frozen=True)
class Params:
    """The named values of a call, with Telegram's leniency about their types."""

    values: Mapping[str, Any]
    uploads: Mapping[str, Upload] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Tell whether a value was given at all."""
        return self.values.get(name) is not None

    def text(self, name: str) -> str:
        """Give a string; empty when absent."""
        value = self.values.get(name)
        if value is None:
            return ""
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def number(self, name: str, default: int = 0) -> int:
        """Give an integer; `default` when absent or not a number, as Telegram does."""
        try:
            return int(self.values.get(name, default))
        except (TypeError, ValueError):
            return default

    def flag(self, name: str) -> bool:
        """Give a boolean."""
        value = self.values.get(name)
        return value if isinstance(value, bool) else self.text(name).lower() not in _FALSE

    def structure(self, name: str) -> Any:
        """Give a JSON value, decoding it when it came as text; None when absent."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            words = name.replace("_", " ")
            raise bad_request(f"can't parse {words} JSON object") from None

    def upload(self, name: str) -> Upload | None:
        """Give the file behind a value: itself a file, or ``attach://key``."""
        if name in self.uploads:
            return self.uploads[name]
        return self.attached(self.text(name))

    def attached(self, reference: str) -> Upload | None:
        """Resolve ``attach://key``; None when the text is no such reference."""
        if not reference.startswith("attach://"):
            return None
        key = reference.removeprefix("attach://")
        if key not in self.uploads:
            raise bad_request(f"can't find file with name {key!r} in the request")
        return self.uploads[key]


async def read_params(request: web.Request) -> Params:
    """Read a call's parameters from wherever they came."""
    values: Json = dict(request.query)
    if request.content_type == "application/json":
        values.update(_json_object(await request.text()))
        return Params(values)
    uploads: dict[str, Upload] = {}
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            uploads[name] = Upload(value.filename, value.content_type, value.file.read())
        else:
            values[name] = value if isinstance(value, str) else bytes(value).decode()
    return Params(values, uploads)


def _json_object(body: str) -> Json:
    if not body.strip():
        return {}
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise bad_request("can't parse request: the body must be a JSON object")
    return value
