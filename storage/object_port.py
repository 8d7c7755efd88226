"""The port of shared objects: files of several hosts under names."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Listed:
    """One object of a listing; `changed` is by the storage's clock."""

    size: int
    changed: datetime


class SharedObjects(Protocol):
    """Objects that several hosts see; each is whole or absent.

    Blocking, unlike other ports, as its users work with files off the event loop. All methods
    raise StoreDownError where the storage doesn't answer.
    """

    def put(self, name: str, data: bytes) -> None:
        """Write (or replace) an object."""
        ...

    def get(self, name: str) -> bytes:
        """Return an object's bytes; FileNotFoundError if there is none."""
        ...

    def get_many(self, names: Iterable[str]) -> dict[str, bytes]:
        """Return several objects, fetched at once; FileNotFoundError if one is missing."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects; what is not there is no error."""
        ...

    def listed(self, folder: str) -> dict[str, Listed]:
        """Return all objects whose names begin with `folder/`."""
        ...
