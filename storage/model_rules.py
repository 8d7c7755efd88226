"""What keeping a model means: its names, its bytes and its seal; pure, the same everywhere.

A model is two texts, manifest and trees. Nothing of it is ever unpickled: both are checked
against the hash in the database before anything parses them.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from pipeline.domain.errors import ModelRefusedError
from pipeline.domain.model import ModelManifest, ModelStanding
from storage.model_ports import StoredModel

_ID = re.compile(r"[a-z0-9_]{1,64}")
_VERSION = re.compile(r"v([1-9][0-9]{0,5})\.0")


@dataclass(frozen=True)
class Sealed:
    """A model as bytes, with the hash over both."""

    manifest: bytes
    trees: bytes

    @property
    def sha256(self) -> str:
        """The SHA-256 over manifest and trees; the first one's length keeps them apart."""
        length = len(self.manifest).to_bytes(8, "big")
        return hashlib.sha256(length + self.manifest + self.trees).hexdigest()


def named(model_id: str, version: str) -> str:
    """Return how a version is called in texts."""
    return f"{model_id} {version}"


def good_id(model_id: str) -> bool:
    """Whether a model may have this id: small letters, digits and _, at most 64."""
    return _ID.fullmatch(model_id) is not None


def number_of(version: str) -> int | None:
    """Return a version's number, v3.0 -> 3; None: it is no version."""
    found = _VERSION.fullmatch(version)
    return None if found is None else int(found[1])


def version_of(number: int) -> str:
    """Return the version with that number, 3 -> v3.0."""
    return f"v{number}.0"


def checked_number(manifest: ModelManifest) -> int:
    """Return the number of a model that is to be kept.

    Raises
    ------
    ValueError
        Its id or version can't be a folder's name.
    """
    number = number_of(manifest.version)
    if number is None or not good_id(manifest.model_id):
        raise ValueError(f"no model is called {manifest.model_id!r} {manifest.version!r}")
    return number


def sealed(model: StoredModel) -> Sealed:
    """Return a model as the bytes that are kept, with the hash of its trees in the manifest.

    Raises
    ------
    ValueError
        The manifest wouldn't come back as it is: a figure in it is no number.
    """
    trees = model.trees.encode()
    digest = hashlib.sha256(trees).hexdigest()
    manifest = model.manifest.model_copy(update={"sha256": digest})
    text = manifest.model_dump_json(indent=1).encode()
    try:
        same = ModelManifest.model_validate_json(text) == manifest
    except ValidationError:
        same = False
    if not same:
        raise ValueError(f"the manifest of {manifest.version} holds figures that are no numbers")
    return Sealed(text, trees)


def opened(kept: Sealed, model_id: str, version: str) -> StoredModel:
    """Return the model of bytes whose hash was found to be right.

    Raises
    ------
    ModelRefusedError
        It has another schema than this version of the program, or another name.
    """
    name = named(model_id, version)
    try:
        manifest = ModelManifest.model_validate_json(kept.manifest)
        trees = kept.trees.decode()
    except ValueError as error:  # pydantic's is one
        raise refused(name, "schema", "its manifest has another schema") from error
    if (manifest.model_id, manifest.version) != (model_id, version):
        found = named(manifest.model_id, manifest.version)
        raise refused(name, "foreign", f"its manifest is that of {found}")
    if hashlib.sha256(kept.trees).hexdigest() != manifest.sha256:
        raise refused(name, "damaged", "its trees are not those of its manifest")
    return StoredModel(manifest, trees)


def refused(name: str, kind: str, why: str) -> ModelRefusedError:
    """Return the refusal of a model; `kind` is missing, damaged, foreign or schema."""
    return ModelRefusedError(f"Model {name} can't be used: {why}.", model=name, refusal=kind)


def check_standing(standing: ModelStanding, there: Iterable[str]) -> None:
    """Refuse to put a version in use that isn't kept.

    Raises
    ------
    ModelRefusedError
        Champion, challenger or the way back is missing.
    ValueError
        The change has no time, or the id can't be a model's.
    """
    if standing.changed_at is None or not good_id(standing.model_id):
        raise ValueError(f"a change of {standing.model_id!r} needs an id and a time")
    for version in in_use(standing) - set(there):
        raise refused(named(standing.model_id, version), "missing", "it is not kept")


def in_use(standing: ModelStanding) -> set[str]:
    """Return the versions that a standing names."""
    return {standing.champion, standing.challenger, standing.previous} - {""}


def dropped(
    kept: Sequence[str], count: int, standing: ModelStanding, history: Sequence[ModelStanding]
) -> list[str]:
    """Return which versions go when the newest `count` stay, in the given order.

    Parameters
    ----------
    kept
        All versions, newest first.
    history
        All standings there were: every former champion stays.
    """
    spared = in_use(standing) | {past.champion for past in history}
    return [version for version in kept[max(count, 0) :] if version not in spared]
