"""The bounds of every request: size and time of its body, time of its answer; and its log line."""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from flows.http.problems import RETRY_SECONDS, WHY, answer, problem
from storage.telemetry import get_logger

log = get_logger(__name__)
BODY_SECONDS: Final = 10.0

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class _Refused(Exception):  # noqa: N818  (an answer, no error)
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class _Gone(Exception):  # noqa: N818
    """The client has gone before its request was whole."""


class Bounds:
    """Stands around the app (ASGI): refuses large and slow bodies, ends slow answers, logs.

    The body is taken in before the app is called, never more of it than is allowed, whatever
    its Content-Length says or doesn't.

    Parameters
    ----------
    most
        Bytes of a body.
    seconds
        For the app to answer. What it has begun to launch goes on: see `flows.http.once`.
    """

    def __init__(self, app: App, *, most: int, seconds: float) -> None:
        self._app = app
        self._most = most
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        started, told = time.monotonic(), _Told(send)
        try:
            body = await self._body(scope, receive)
            async with asyncio.timeout(self._seconds):
                await self._app(scope, _replay(body, receive), told)
        except _Gone:
            return
        except _Refused as refused:
            await told.answer(scope, refused.status, refused.detail)
        except TimeoutError:
            await told.answer(scope, 503, f"There was no answer in {self._seconds:g} s.")
        except Exception:
            log.exception("http_failed", path=_path(scope))
            await told.answer(scope, 500, WHY[500])
        finally:
            _log(scope, told.status, time.monotonic() - started)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """Take the body in, or refuse it before it is whole."""
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit():
            raise _Refused(400, "Content-Length is no number.")
        if int(length[:20]) > self._most:
            raise _Refused(413, self._too_large())
        taken = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    taken += message.get("body", b"")
                    if len(taken) > self._most:
                        raise _Refused(413, self._too_large())
                    if not message.get("more_body"):
                        return bytes(taken)
        except TimeoutError as error:
            raise _Refused(408, f"The body did not arrive in {BODY_SECONDS:g} s.") from error

    def _too_large(self) -> str:
        return f"The body is larger than {self._most // 1024} KB."


class _Told:
    """Sends, and remembers what was said."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    async def answer(self, scope: Scope, status: int, detail: str) -> None:
        """Answer with a problem, unless an answer has begun."""
        if self.status:
            return
        headers = {"Connection": "close"} if status in (408, 413) else {}
        if status == 503:  # noqa: PLR2004
            headers["Retry-After"] = str(RETRY_SECONDS)
        told = answer(problem(status, detail), headers)
        await told(scope, _nothing, self)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give the app the body that was taken in, and after it what comes."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _path(scope: Scope) -> str:
    """Return the address as it is written in the app: a path may hold a token."""
    route = scope.get("route")
    return str(getattr(route, "path", "unknown"))


def _log(scope: Scope, status: int, seconds: float) -> None:
    caller = scope.get("state", {}).get("caller")
    who = {} if caller is None else {"token": caller.token.name, "user_id": caller.token.user_id}
    who = {f"of_{name}": value for name, value in who.items()}
    log.info(
        "http_request", method=scope["method"], path=_path(scope), status=status,
        ms=round(seconds * 1000, 1), **who,
    )  # fmt: skip
