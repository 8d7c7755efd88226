"""Objects: what several hosts share, in an S3-compatible bucket under one prefix.

Blocking, as fsspec is; its users call it off the event loop. Each object is whole or absent, and
a name says at once what was put under it last: that is all they rest on, so any S3 store will do.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

from pipeline.domain.errors import BadRequestError, StoreDownError
from storage.object_port import Listed

_CONNECT_SECONDS, _READ_SECONDS, _TRIES = 3, 15, 3


@dataclass(frozen=True)
class Access:
    """How the bucket is reached; None: as boto's own environment says."""

    endpoint: str | None = None
    key: str | None = None
    secret: str | None = None
    region: str | None = None


class Objects:
    """The objects under `url`, like s3://bucket/prefix; safe to share between threads.

    See `storage.object_port.SharedObjects`.

    """

    def __init__(self, url: str, access: Access) -> None:
        self.url = checked_url(url)
        self._root = self.url.removeprefix("s3://")
        self._access = access
        self._opening = Lock()
        self._fs: Any = None

    def put(self, name: str, data: bytes) -> None:
        """Write (or replace) an object."""
        try:
            with _mapped():
                self._system().pipe_file(self._path(name), data)
        except FileNotFoundError as error:
            raise StoreDownError(
                f"There is no bucket for {self.url}.", store="objects", cause=str(error)
            ) from error

    def get(self, name: str) -> bytes:
        """Return an object's bytes; FileNotFoundError if there is none."""
        with _mapped():
            return bytes(self._system().cat_file(self._path(name)))

    def get_many(self, names: Iterable[str]) -> dict[str, bytes]:
        """Return several objects, fetched at once; FileNotFoundError if one is missing."""
        wanted = {self._path(name): name for name in names}
        if not wanted:
            return {}
        with _mapped():
            found: Mapping[str, Any] = self._system().cat(list(wanted), on_error="return")
            for data in found.values():
                if isinstance(data, Exception):
                    raise data
        return {wanted[path]: bytes(data) for path, data in found.items()}

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects; what is not there is no error."""
        for name in names:  # one by one: the request for many is understood by fewer stores
            with _mapped():
                self._system().rm_file(self._path(name))

    def listed(self, folder: str) -> dict[str, Listed]:
        """Return all objects whose names begin with `folder/`."""
        with _mapped():
            found = self._system().find(self._path(folder), detail=True)
        return {
            path.removeprefix(f"{self._root}/"): Listed(info["size"], info["LastModified"])
            for path, info in found.items()
            if path.startswith(self._path(folder) + "/")
        }

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _system(self) -> Any:
        """Return the file system, opened when first used: boto takes half a second to import."""
        with self._opening:
            if self._fs is None:
                import fsspec  # noqa: PLC0415

                access = self._access
                self._fs = fsspec.filesystem(
                    "s3", key=access.key, secret=access.secret, endpoint_url=access.endpoint,
                    client_kwargs={"region_name": access.region} if access.region else {},
                    config_kwargs={
                        "connect_timeout": _CONNECT_SECONDS, "read_timeout": _READ_SECONDS,
                        "retries": {"max_attempts": 1},
                        # Checksums that Amazon alone knows are refused by others.
                        "request_checksum_calculation": "when_required",
                        "response_checksum_validation": "when_required",
                    },
                    use_listings_cache=False, skip_instance_cache=True,
                )  # fmt: skip
                self._fs.retries = _TRIES
        return self._fs


def checked_url(url: str) -> str:
    """Return a storage's URL without a slash at its end; BadRequestError if it is none."""
    bucket = url.removeprefix("s3://").strip("/")
    if not url.startswith("s3://") or not bucket:
        raise BadRequestError(
            f"STORAGE_URL {url!r} is no storage, like s3://bucket/prefix.",
            field="STORAGE_URL", value=url,
        )  # fmt: skip
    return f"s3://{bucket}"


@contextmanager
def _mapped() -> Iterator[None]:
    """Turn whatever fsspec, boto and the network raise into StoreDownError.

    Boto's errors have no common root but Exception, so that is what is caught; a missing object
    is no fault and passes.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"[:300]
        raise StoreDownError(
            "The shared storage doesn't answer. Please try again in a moment.",
            store="objects", cause=cause,
        ) from error  # fmt: skip
