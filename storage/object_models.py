"""Versions of models in shared storage: `models/<id>/<version>/{manifest.json, model.txt}`.

The manifest is written last and removed first, and the registry's row says whether a version
counts and which hash it must have; so half a version is never used.
"""

from storage.model_files import MANIFEST, MAX_BYTES, TREES
from storage.model_rules import Sealed, number_of
from storage.object_port import SharedObjects


class ObjectModels:
    """The models of all hosts; see `storage.model_files.ModelPlace`. Blocking."""

    def __init__(self, objects: SharedObjects) -> None:
        self._objects = objects

    def write(self, model_id: str, version: str, kept: Sealed) -> None:
        """Write a version; what an earlier attempt left under its name is replaced."""
        self._objects.put(f"{_folder(model_id, version)}/{TREES}", kept.trees)
        self._objects.put(f"{_folder(model_id, version)}/{MANIFEST}", kept.manifest)

    def read(self, model_id: str, version: str) -> Sealed:
        """Return a version's bytes; FileNotFoundError if one is missing."""
        folder = _folder(model_id, version)
        names = f"{folder}/{MANIFEST}", f"{folder}/{TREES}"
        found = self._objects.get_many(names)
        if any(len(data) > MAX_BYTES for data in found.values()):
            raise FileNotFoundError("too large to be one of ours")
        return Sealed(*(found[name] for name in names))

    def remove(self, model_id: str, version: str) -> None:
        """Remove a version, its manifest first."""
        folder = _folder(model_id, version)
        for name in (MANIFEST, TREES):
            self._objects.remove([f"{folder}/{name}"])

    def drop(self, model_id: str, version: str) -> None:
        """Remove a version that could not be kept, as far as that can be done."""
        self.remove(model_id, version)

    def tidy(self, model_id: str) -> None:
        """Nothing is left behind: a version without its row is written over."""

    def highest(self, model_id: str) -> int:
        """Return the highest number a version's folder has; 0: there is none."""
        folder = f"models/{model_id}"
        versions = {name.split("/")[2] for name in self._objects.listed(folder)}
        numbers = (number_of(version) for version in versions)
        return max((number for number in numbers if number is not None), default=0)


def _folder(model_id: str, version: str) -> str:
    return f"models/{model_id}/{version}"
