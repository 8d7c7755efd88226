"""An OpenAI-compatible server for tests that refuses what the real one would refuse.

async with analyst_server() as fake:
    fake.says(lambda asked: {...})   # else an example of the form asked for
    fake.fails(429, "rate_limit_exceeded")
    fake.asked[-1].body, .image, .facts
"""

import asyncio
import base64
import json
import re
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

KEY = "sk-test-0123456789abcdef"
MODEL = "gpt-5-mini"
OPINION = {
    "bias": "long", "quality": 4, "reasons": ["The sweep was clean.", "Trend agrees."],
    "risks": ["News is near.", "Little evidence."], "invalidation": "Below the swept low.",
    "watch": "The next close.",
}  # fmt: skip
_RESPONSES_KEYS = {
    "model",
    "instructions",
    "input",
    "text",
    "max_output_tokens",
    "store",
    "reasoning",
}
_CHAT_KEYS = {
    "model", "messages", "response_format", "max_completion_tokens", "max_tokens",
    "reasoning_effort",
}  # fmt: skip
_SCHEMA_KEYS = {
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf",
    "description", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minItems", "maxItems", "pattern", "format",
}  # fmt: skip
_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}


class RefusedError(Exception):
    def __init__(self, status: int, code: str, message: str = "", param: str = "") -> None:
        self.status, self.code, self.message, self.param = status, code, message or code, param


@dataclass
class Asked:
    """One request as it came."""

    path: str
    body: dict[str, Any]
    instructions: str
    facts: str
    image: bytes | None
    schema: dict[str, Any] | None


@dataclass
class AnalystServer:
    """What it knows and what it is to do next.

    `forms` are the response formats of its chat API; a server that lacks json_schema says so.
    `key` None: it wants none. `local`: it takes max_tokens.
    """

    url: str = ""
    key: str | None = KEY
    models: tuple[str, ...] = (MODEL, "local-model", "gpt-4.1-mini")
    forms: tuple[str, ...] = ("json_schema", "json_object", "text")
    asked: list[Asked] = field(default_factory=list)
    calls: int = 0
    _next: deque[Any] = field(default_factory=deque)
    _always: Any = None
    _say: Callable[[Asked], Any] | None = None

    def says(self, say: Callable[[Asked], Any] | Any) -> None:
        """Answer with this from now on: a dict (as JSON), a text, or what a function gives."""
        self._say = say if callable(say) else lambda _: say

    def fails(self, status: int, code: str = "server_error", times: int = 1) -> None:
        self._next.extend([("fail", status, code)] * times)

    def stays_down(self, status: int, code: str = "server_error") -> None:
        self._always = ("fail", status, code)

    def waits(self, seconds: float, times: int = 1) -> None:
        self._next.extend([("wait", seconds)] * times)

    def ends(self, how: str) -> None:
        """How the next answer ends: incomplete, refused, html, failed."""
        self._next.append(("end", how))

    def heals(self) -> None:
        self._always = None
        self._next.clear()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.calls += 1
        step = self._always or (self._next.popleft() if self._next else None)
        try:
            if step and step[0] == "fail":
                quoted = request.headers.get("Authorization", "")
                raise RefusedError(step[1], step[2], f"You sent {quoted}")  # noqa: TRY301
            if step and step[0] == "wait":
                await asyncio.sleep(step[1])
            end = step[1] if step and step[0] == "end" else ""
            if end == "html":
                return web.Response(text="<html>welcome</html>", content_type="text/html")
            self._admit(request)
            body = await request.json()
            chat = request.path.endswith("/chat/completions")
            asked = self._chat(body) if chat else self._responses(body)
            self.asked.append(asked)
            return web.json_response(
                _chat_answer(asked, self._told(asked), end)
                if chat
                else _responses_answer(asked, self._told(asked), end),
                headers={"x-request-id": f"req_{self.calls}"},
            )
        except RefusedError as error:
            said = {"message": error.message, "type": "invalid_request_error", "code": error.code,
                    "param": error.param or None}  # fmt: skip
            return web.json_response({"error": said}, status=error.status)

    def _told(self, asked: Asked) -> str:
        if self._say is None:
            return json.dumps(example(asked.schema) if asked.schema else OPINION)
        said = self._say(asked)
        return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)

    def _admit(self, request: web.Request) -> None:
        if request.method != "POST" or request.content_type != "application/json":
            raise RefusedError(400, "invalid_request")
        if self.key is not None and request.headers.get("Authorization") != f"Bearer {self.key}":
            raise RefusedError(
                401, "invalid_api_key", f"Incorrect key: {request.headers.get('Authorization')}"
            )

    def _model(self, body: dict[str, Any]) -> str:
        if body["model"] not in self.models:
            raise RefusedError(404, "model_not_found")
        return str(body["model"])

    def _responses(self, body: dict[str, Any]) -> Asked:
        model = self._model(body)
        _only(body, _RESPONSES_KEYS)
        if "reasoning" in body and not _thinks(model):
            raise RefusedError(400, "unsupported_parameter", param="reasoning")
        if not isinstance(body["max_output_tokens"], int) or body["max_output_tokens"] < 16:
            raise RefusedError(400, "integer_below_min_value", param="max_output_tokens")
        form = body["text"]["format"]
        _only(form, {"type", "name", "strict", "schema"})
        _check_form(form)
        [message] = body["input"]
        if message["role"] != "user":
            raise RefusedError(400, "invalid_value", param="input[0].role")
        texts, image = [], None
        for part in message["content"]:
            if part["type"] == "input_text":
                texts.append(part["text"])
            elif part["type"] == "input_image":
                image = _png(part["image_url"], part.get("detail"))
            else:
                raise RefusedError(400, "invalid_value", param="input[0].content")
        return Asked(
            "responses", body, body["instructions"], "".join(texts), image, form["schema"]
        )

    def _chat(self, body: dict[str, Any]) -> Asked:
        model = self._model(body)
        _only(body, _CHAT_KEYS)
        if "reasoning_effort" in body and not _thinks(model):
            raise RefusedError(400, "unsupported_parameter", param="reasoning_effort")
        if self.key is not None and "max_tokens" in body:
            raise RefusedError(400, "unsupported_parameter", param="max_tokens")
        if body.get("max_tokens", body.get("max_completion_tokens", 0)) < 1:
            raise RefusedError(400, "integer_below_min_value")
        form = body.get("response_format") or {"type": "text"}
        if form["type"] not in self.forms:
            raise RefusedError(
                400, "invalid_value", f"response_format.type {form['type']} is unknown"
            )
        schema = None
        if form["type"] == "json_schema":
            _check_form(form["json_schema"])
            schema = form["json_schema"]["schema"]
        system, user = body["messages"]
        if (system["role"], user["role"]) != ("system", "user"):
            raise RefusedError(400, "invalid_value", param="messages")
        if form["type"] == "json_object" and "json" not in json.dumps(body["messages"]).lower():
            raise RefusedError(400, "invalid_value", "'messages' must contain the word 'json'")
        texts, image = [], None
        for part in user["content"]:
            if part["type"] == "text":
                texts.append(part["text"])
            else:
                image = _png(part["image_url"]["url"], part["image_url"].get("detail"))
        return Asked("chat", body, system["content"], "".join(texts), image, schema)


def _thinks(model: str) -> bool:
    return bool(re.match(r"gpt-[5-9]|o\d", model))


def _only(found: dict[str, Any], known: set[str]) -> None:
    for name in found.keys() - known:
        raise RefusedError(400, "unknown_parameter", param=name)


def _png(url: str, detail: str | None) -> bytes:
    head = "data:image/png;base64,"
    if not url.startswith(head) or detail not in ("low", "high", "auto"):
        raise RefusedError(400, "invalid_image_url", param="image_url")
    data = base64.b64decode(url[len(head) :], validate=True)
    if data[:4] != b"\x89PNG":
        raise RefusedError(400, "invalid_image_format")
    return data


def _check_form(form: dict[str, Any]) -> None:
    if form.get("strict") is not True or not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", form["name"]):
        raise RefusedError(400, "invalid_json_schema", param="name")
    if form["schema"].get("type") != "object":
        raise RefusedError(400, "invalid_json_schema", "schema must be an object")
    _check_schema(form["schema"])


def _check_schema(node: dict[str, Any]) -> None:
    """The rules of strict structured outputs."""
    if strange := node.keys() - _SCHEMA_KEYS:
        raise RefusedError(400, "invalid_json_schema", f"{sorted(strange)} not permitted")
    if "format" in node and node["format"] not in _FORMATS:
        raise RefusedError(400, "invalid_json_schema", f"format {node['format']}")
    if node.get("type") == "object":
        if node.get("additionalProperties") is not False:
            raise RefusedError(400, "invalid_json_schema", "additionalProperties must be false")
        if sorted(node.get("required", ())) != sorted(node["properties"]):
            raise RefusedError(400, "invalid_json_schema", "required must name every property")
        for inner in node["properties"].values():
            _check_schema(inner)
    if node.get("type") == "array":
        _check_schema(node["items"])
    for inner in node.get("anyOf", ()):
        _check_schema(inner)


def example(schema: dict[str, Any]) -> Any:
    """Return something that fits a schema."""
    if "const" in schema or "enum" in schema:
        return schema.get("const", *schema.get("enum", ())[:1])
    if "anyOf" in schema:
        return example(schema["anyOf"][0])
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: example(inner) for name, inner in schema["properties"].items()}
    if kind == "array":
        return [example(schema["items"]) for _ in range(schema.get("minItems", 1))]
    return {"string": "Some words.", "integer": schema.get("minimum", 1), "boolean": False,
            "number": float(schema.get("minimum", 1)), "null": None}[kind]  # fmt: skip


def _tokens(text: str) -> int:
    return max(len(text.encode()) // 4, 1)


def _read_tokens(asked: Asked) -> int:
    words = asked.instructions + asked.facts + json.dumps(asked.schema or "")
    return _tokens(words) + (85 if asked.image else 0)


def _responses_answer(asked: Asked, text: str, end: str) -> dict[str, Any]:
    limit = asked.body["max_output_tokens"]
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    if end == "refused":
        part = {"type": "refusal", "refusal": "I can't help with that."}
    cut = end == "incomplete" or _tokens(text) > limit
    if cut and end != "refused":
        part["text"] = text[: len(text) // 2]
    read, written = _read_tokens(asked), min(_tokens(text), limit)
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "model": asked.body["model"],
        "status": "failed" if end == "failed" else "incomplete" if cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "error": {"code": "server_error", "message": "x"} if end == "failed" else None,
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]},
        ],
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "metadata": {},
        "usage": {"input_tokens": read, "output_tokens": written, "total_tokens": read + written,
                  "input_tokens_details": {"cached_tokens": 0},
                  "output_tokens_details": {"reasoning_tokens": 0}},
    }  # fmt: skip


def _chat_answer(asked: Asked, text: str, end: str) -> dict[str, Any]:
    refusal = "I can't help with that." if end == "refused" else None
    message = {"role": "assistant", "content": None if refusal else text, "refusal": refusal}
    read, written = _read_tokens(asked), _tokens(text)
    reason = "length" if end == "incomplete" else "stop"
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": asked.body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": reason, "logprobs": None}],
        "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
    }  # fmt: skip


def tiny_png() -> bytes:
    """Return the head of a picture; the server looks no further."""
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR"


@asynccontextmanager
async def analyst_server(**how: Any) -> AsyncIterator[AnalystServer]:
    """Serve on a free port of 127.0.0.1; `url` ends in /v1."""
    fake = AnalystServer(**how)
    app = web.Application(client_max_size=20 * 2**20)
    app.router.add_route("*", "/v1/responses", fake.serve)
    app.router.add_route("*", "/v1/chat/completions", fake.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = site._server.sockets[0].getsockname()[:2]
    fake.url = f"http://{host}:{port}/v1"
    try:
        yield fake
    finally:
        await runner.cleanup()
