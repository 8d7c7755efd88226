"""The bridge's wire: who may speak, frames of bounded size, bytes as the only thing that passes.

rpyc carries the frames and matches answers to questions. Its objects, attributes, references and
exceptions don't exist here: of its requests one is answered, with bytes for bytes.
"""

import hashlib
import hmac
import secrets
import socket
import time
from collections.abc import Callable
from typing import Any

import rpyc
from rpyc.core import consts
from rpyc.core.channel import Channel
from rpyc.core.stream import SocketStream

GREETING = b"setup-scout-mt5 1\n"
GREETING_SECONDS = 5.0
STALL_SECONDS = 10.0
"""How long a frame that has begun may stand still."""
MOST_ASKED = 64 * 1024
MOST_ANSWERED = 16 * 1024 * 1024
"""Bytes of one question and of one answer."""
_NONCE, _MAC = 32, 32
_REFUSED = bytes(_MAC)

CLOSED_CONFIG = {
    "allow_safe_attrs": False,
    "allow_exposed_attrs": False,
    "allow_public_attrs": False,
    "allow_all_attrs": False,
    "allow_getattr": False,
    "allow_setattr": False,
    "allow_delattr": False,
    "allow_pickle": False,
    "include_local_traceback": False,
    "include_local_version": False,
    "instantiate_custom_exceptions": False,
    "import_custom_exceptions": False,
    "propagate_KeyboardInterrupt_locally": False,
    "close_catchall": True,
    "bind_threads": False,
}
"""rpyc with everything off, should a request of its own ever get past `PlainConnection`."""


class NotAdmittedError(Exception):
    """The other side doesn't know the token, or doesn't speak this protocol."""


def admit(wire: socket.socket, token: str) -> None:
    """Let a client in that knows the token, and prove to it that we know it too.

    The token itself never travels. Nothing else is read before; NotAdmittedError ends it.
    """
    ours = secrets.token_bytes(_NONCE)
    deadline = time.monotonic() + GREETING_SECONDS
    wire.settimeout(GREETING_SECONDS)
    wire.sendall(GREETING + ours)
    answer = _exactly(wire, _NONCE + _MAC, deadline)
    theirs, proof = answer[:_NONCE], answer[_NONCE:]
    if not hmac.compare_digest(proof, _proof(token, b"client", ours, theirs)):
        wire.sendall(_REFUSED)
        raise NotAdmittedError("wrong token")
    wire.sendall(_proof(token, b"server", ours, theirs))
    wire.settimeout(STALL_SECONDS)


def introduce(wire: socket.socket, token: str) -> None:
    """Prove to a server that we know the token, and let it prove the same (NotAdmittedError)."""
    deadline = time.monotonic() + GREETING_SECONDS
    wire.settimeout(GREETING_SECONDS)
    greeting = _exactly(wire, len(GREETING) + _NONCE, deadline)
    if not greeting.startswith(GREETING):
        raise NotAdmittedError("what listens there is no bridge of this version")
    theirs, ours = greeting[len(GREETING) :], secrets.token_bytes(_NONCE)
    wire.sendall(ours + _proof(token, b"client", theirs, ours))
    proof = _exactly(wire, _MAC, deadline)
    if proof == _REFUSED:
        raise NotAdmittedError("the bridge refuses MT5_BRIDGE_TOKEN")
    if not hmac.compare_digest(proof, _proof(token, b"server", theirs, ours)):
        raise NotAdmittedError("what listens there doesn't know MT5_BRIDGE_TOKEN")
    wire.settimeout(STALL_SECONDS)


def _proof(token: str, who: bytes, server_nonce: bytes, client_nonce: bytes) -> bytes:
    words = who + b"|" + server_nonce + client_nonce
    return hmac.new(token.encode(), words, hashlib.sha256).digest()


def _exactly(wire: socket.socket, count: int, deadline: float) -> bytes:
    got = b""
    while len(got) < count:
        left = deadline - time.monotonic()
        if left <= 0:
            raise EOFError("too slow")
        wire.settimeout(left)
        piece = wire.recv(count - len(got))
        if not piece:
            raise EOFError("hung up")
        got += piece
    return got


class _Stream(SocketStream):  # type: ignore[misc]  # rpyc has no types
    """A socket that gives up on a frame that stands still."""

    __slots__ = ()

    def read(self, count: int) -> bytes:
        pieces = []
        while count > 0:
            try:
                piece = self.sock.recv(min(self.MAX_IO_CHUNK, count))
            except OSError as error:
                self.close()
                raise EOFError(str(error)) from error
            if not piece:
                self.close()
                raise EOFError("hung up")
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)


class _Frames(Channel):  # type: ignore[misc]
    """Frames up to a size, never compressed: none can unfold into more than it says."""

    __slots__ = ("_most",)

    def __init__(self, stream: SocketStream, most: int) -> None:
        super().__init__(stream, compress=False)
        self._most = most

    def recv(self) -> bytes:
        size, compressed = self.FRAME_HEADER.unpack(self.stream.read(self.FRAME_HEADER.size))
        if compressed or size > self._most:
            self.close()
            raise EOFError("a frame larger than allowed")
        frame: bytes = self.stream.read(size + len(self.FLUSHER))[:-1]
        return frame


class PlainConnection(rpyc.Connection):  # type: ignore[misc]
    """rpyc's connection without its objects: one request, bytes in, bytes out."""

    @classmethod
    def _request_handlers(cls) -> dict[int, Callable[..., Any]]:
        return {consts.HANDLE_CALL: cls._handle_question}

    def close(self) -> None:
        """Hang up without asking the other side, which may be gone or ill-willed."""
        if not self._closed:
            self._cleanup()

    def _handle_question(self, question: object) -> bytes:
        if type(question) is not bytes:
            raise TypeError("bytes are expected")
        answer: bytes = self._local_root.answer(question)
        return answer

    def _box(self, obj: object) -> tuple[int, object]:
        return consts.LABEL_VALUE, obj

    def _unbox(self, package: tuple[int, object]) -> object:
        label, value = package
        if label != consts.LABEL_VALUE:
            raise ValueError("only values pass, no references")
        return value

    def _dispatch(self, data: bytes) -> None:
        try:
            super()._dispatch(data)
        except EOFError:
            raise
        except Exception as error:
            raise EOFError("a frame that makes no sense") from error


class Silent(rpyc.Service):  # type: ignore[misc]
    """The client's side: it answers nothing."""

    _protocol = PlainConnection

    def answer(self, question: bytes) -> bytes:
        """Refuse whatever the server asks."""
        del question
        raise PermissionError


def frames(wire: socket.socket, most: int) -> Channel:
    """Return the channel over a socket whose other end is admitted; `most` bytes may come."""
    return _Frames(_Stream(wire), most)
