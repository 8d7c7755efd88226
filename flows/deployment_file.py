"""Reading `deployments.yaml`: strictly, so that a slip is said where it is, not found at 3 am."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flows.deployed_flows import FLOWS, POOLS
from flows.deployment_checks import closest, said, spec_problems
from pipeline.domain.deployment import DeploymentSpec
from pipeline.domain.errors import SetupError
from pipeline.domain.schedule import NAME
from pipeline.setups.reading import MAX_BYTES, Marked, dotted, read_marked

NAMED = "deployments.yaml"
SHIPPED = Path(__file__).resolve().parents[1] / NAMED
_ENTRY = "a deployment's name, flow and work_pool are needed"


class Pool(BaseModel):
    """A work pool of Prefect's; None: as many runs at a time as its worker takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME)
    concurrency_limit: int | None = Field(default=None, ge=1, le=1000)
    description: str = ""


@dataclass(frozen=True)
class DeploymentFile:
    """What a file asks for."""

    path: Path
    specs: tuple[DeploymentSpec, ...]
    pools: tuple[Pool, ...]


def file_for(home: Path, named: Path | None = None) -> Path:
    """Return the file that counts: the named one, else the home's own, else the shipped one."""
    own = home / NAMED
    return named or (own if own.is_file() else SHIPPED)


def read_file(path: Path) -> DeploymentFile:
    """Read a file.

    Raises
    ------
    SetupError
        Says file, line, entry, field, what was wrong and the closest valid value.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise SetupError(f"{path} can't be read: {error.strerror}.", file=str(path)) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SetupError(f"{path}: not UTF-8.", file=str(path)) from error
    return parse_file(text, path)


def parse_file(text: str, path: Path) -> DeploymentFile:
    """Read a file's text; see `read_file`."""
    reader = _Reading(read_marked(text, path.name))
    reader.words((), {"deployments", "work_pools"}, "deployments")
    pools = [Pool(name=name) for name in POOLS]
    if reader.marked.document.get("work_pools") is not None:
        pools = [reader.entry(Pool, place) for place in reader.places("work_pools")]
        reader.unique("work_pools", [pool.name for pool in pools])
    reader.pools = tuple(pool.name for pool in pools)
    specs = [reader.spec(place) for place in reader.places("deployments")]
    reader.unique("deployments", [spec.name for spec in specs])
    return DeploymentFile(path, tuple(specs), tuple(pools))


@dataclass
class _Reading:
    """One file on its way to specs."""

    marked: Marked
    pools: tuple[str, ...] = POOLS

    def places(self, word: str) -> list[tuple[str | int, ...]]:
        """Return the places of a list's entries."""
        found = self.marked.document.get(word)
        if not isinstance(found, list):
            self.refuse((word,), "is a list of entries, each begun with '- name:'")
        return [(word, number) for number in range(len(found or ()))]

    def words(self, place: tuple[str | int, ...], valid: Iterable[str], needed: str = "") -> Any:
        """Return the mapping at a place, refusing words that mean nothing there."""
        found: Any = self.marked.document
        for step in place:
            found = found[step]
        if not isinstance(found, dict):
            self.refuse(place, f"is no entry; {_ENTRY}")
        for word in found:
            if word not in valid:
                self.refuse((*place, word), "is an unknown field" + closest(word, valid))
        if needed and needed not in found:
            self.refuse(place, f"'{needed}:' is missing")
        return found

    def entry(self, kind: type[Any], place: tuple[str | int, ...]) -> Any:
        """Return a list's entry as its model."""
        found = self.words(place, kind.model_fields, "name")
        found = {key: value for key, value in found.items() if value is not None}
        try:
            return kind.model_validate(found)
        except ValidationError as error:
            first = error.errors()[0]
            self.refuse((*place, *first["loc"]), said(first))

    def spec(self, place: tuple[str | int, ...]) -> DeploymentSpec:
        """Return a deployment, all of it checked."""
        found = self.words(place, DeploymentSpec.model_fields, "name")
        for word, valid in (
            ("flow", tuple(f"flows.{n}" for n in FLOWS)),
            ("work_pool", self.pools),
        ):
            value = found.get(word)
            if value is None:
                self.refuse(place, f"'{word}:' is missing; it is one of {', '.join(valid)}")
            if value not in valid:
                kind = word.removeprefix("work_")
                self.refuse((*place, word), f"unknown {kind} '{value}'" + closest(value, valid))
        spec: DeploymentSpec = self.entry(DeploymentSpec, place)
        for field, wrong in spec_problems(spec):
            self.refuse((*place, *field), wrong)
        return spec

    def unique(self, word: str, names: list[str]) -> None:
        """Refuse a name that is given twice."""
        for number, name in enumerate(names):
            if name in names[:number]:
                line = self.marked.line((word, names.index(name), "name"))
                self.refuse((word, number, "name"), f"'{name}' is there already, in line {line}")

    def refuse(self, place: tuple[str | int, ...], why: str) -> Any:
        """Raise what is wrong, with its line and the name of its entry."""
        line, file = self.marked.line(place), self.marked.file
        shown = dotted(place)
        match place:
            case (str(word), int(number), *rest):
                entry = self.marked.document[word][number]
                name = entry.get("name") if isinstance(entry, dict) else None
                shown = " ".join(
                    filter(None, [str(name or f"entry {number + 1}"), dotted(tuple(rest))])
                )
        raise SetupError(f"{file}:{line}: {shown}: {why}", file=file, line=line, field=shown)
