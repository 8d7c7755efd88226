"""The bytes people send: archives opened within limits, text decoded, junk refused."""

import gzip
import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO

from pipeline.domain.errors import BadBarsError

_CHUNK = 1 << 20
_RATIO_FROM = 1 << 20
_TABLES = (".csv", ".tsv", ".prn", ".hst.csv", ".parquet", ".pq")
_LOOSE = (*_TABLES, ".txt", ".dat")
_CONTROL = bytes(set(range(32)) - {9, 10, 13, 26})


@dataclass(frozen=True)
class FileLimits:
    """What is accepted; sizes in bytes, `max_ratio` unpacked to packed."""

    max_bytes: int = 64 << 20
    max_unpacked: int = 512 << 20
    max_ratio: float = 200.0


def unpack(name: str, data: bytes, limits: FileLimits) -> tuple[str, bytes]:
    """Return the name and bytes of the one table in a file: itself, or inside a .zip or .gz.

    Nothing is written to disk. An archive is read only as far as the limits allow, whatever
    sizes it claims.

    Raises
    ------
    BadBarsError
        Empty, too large, a damaged or hostile archive, or one that holds several tables.
    """
    if not data:
        raise BadBarsError(f"{name}: the file is empty")
    if len(data) > limits.max_bytes:
        raise BadBarsError(
            f"{name}: {len(data) / 1e6:.0f} MB, more than the {limits.max_bytes / 1e6:.0f} MB "
            "allowed; pack it as .zip or send it in parts"
        )
    if data.startswith(b"PK\x03\x04"):
        return _from_zip(name, data, limits)
    if data.startswith(b"\x1f\x8b"):
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            body = _read(name, stream, len(data), limits)
        return _inner(name.removesuffix(".gz"), body)
    return name, data


def _from_zip(name: str, data: bytes, limits: FileLimits) -> tuple[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            member = _only_table(name, archive.infolist())
            if member.flag_bits & 1:
                raise BadBarsError(f"{name}: the archive has a password")
            with archive.open(member) as stream:
                body = _read(name, stream, member.compress_size, limits)
            return _inner(member.filename.rsplit("/", 1)[-1], body)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise BadBarsError(f"{name}: the archive is damaged ({error})") from error


def _only_table(name: str, members: list[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    files = [m for m in members if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
    for member in files:
        path = member.filename.replace("\\", "/")
        if path.startswith("/") or ".." in path.split("/") or ":" in path or "\x00" in path:
            raise BadBarsError(f"{name}: the archive holds an unsafe path {member.filename!r}")
    for endings in (_TABLES, _LOOSE):
        tables = [m for m in files if m.filename.lower().endswith(endings)]
        if len(tables) == 1:
            return tables[0]
        if tables:
            raise BadBarsError(f"{name}: the archive holds {len(tables)} tables; send them singly")
    raise BadBarsError(f"{name}: the archive holds no .csv, .txt or .parquet file")


def _read(name: str, stream: IO[bytes] | gzip.GzipFile, packed: int, limits: FileLimits) -> bytes:
    """Read a packed stream to its end, or refuse as soon as it grows beyond the limits."""
    out = bytearray()
    try:
        while chunk := stream.read(_CHUNK):
            out += chunk
            if len(out) > limits.max_unpacked:
                size = limits.max_unpacked / 1e6
                raise BadBarsError(f"{name}: unpacks to more than the {size:.0f} MB allowed")
            if len(out) > _RATIO_FROM and len(out) > limits.max_ratio * max(packed, 1):
                raise BadBarsError(
                    f"{name}: unpacks to over {limits.max_ratio:.0f} times its size"
                )
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise BadBarsError(f"{name}: the archive is damaged ({error})") from error
    return bytes(out)


def _inner(name: str, body: bytes) -> tuple[str, bytes]:
    if not body:
        raise BadBarsError(f"{name}: the file is empty")
    if body.startswith((b"PK\x03\x04", b"\x1f\x8b")):
        raise BadBarsError(f"{name}: an archive inside an archive; unpack it once")
    return name, body


def decode(name: str, body: bytes) -> str:
    """Return the text of a table with plain newlines and no byte order mark.

    Raises
    ------
    BadBarsError
        It is no text; the line of the first control byte is named.
    """
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return _plain(body.decode("utf-16"))
        except UnicodeDecodeError as error:
            raise BadBarsError(f"{name}: neither text nor parquet") from error
    head = body[:_CHUNK]
    if len(head.translate(None, _CONTROL)) < 0.95 * len(head):
        raise BadBarsError(f"{name}: neither text nor parquet")
    found = next((i for i in _CONTROL if i in body), None)
    if found is not None:
        at = min(body.index(i) for i in _CONTROL if i in body)
        line = body.count(b"\n", 0, at) + 1
        raise BadBarsError(f"{name}, line {line}: byte {body[at]:#04x} is no text", line=line)
    try:
        return _plain(body.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return _plain(body.decode("cp1252", errors="replace"))


def _plain(text: str) -> str:
    return text.lstrip("\ufeff").rstrip("\x1a").replace("\r\n", "\n").replace("\r", "\n")
