"""How a changed setup file becomes a new version, and which version is in use."""

import difflib
import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from pipeline.domain.errors import SetupError, UnknownSetupError
from pipeline.setups.rules import SetupSpec, SetupVersion, difference, parse_setup

NO_REASON = "changed without a reason given"
parse_once = lru_cache(maxsize=256)(parse_setup)
"""The same text read again costs nothing: stores look at their folders at every question."""
_VERSION_LINE = re.compile(r"(?m)^rule_version[ \t]*:[ \t]*[^\s#]+")


def version_key(rule_version: str) -> tuple[int, int]:
    """Return X.Y as numbers, to sort by."""
    major, _, minor = rule_version.partition(".")
    return int(major), int(minor)


def spec_of(version: SetupVersion, file: str = "") -> SetupSpec:
    """Return a kept version's setup, under its own number and reason."""
    name = file or f"{version.setup_id}/v{version.rule_version}.yaml"
    spec = parse_once(version.text, name)
    return spec.model_copy(update={"rule_version": version.rule_version, "reason": version.reason})


def spec_among(
    held: Sequence[SetupVersion], setup_id: str, version: str | None, known: Collection[str]
) -> SetupSpec:
    """Return one setup of its versions: the named one, else the active one, else the newest.

    Parameters
    ----------
    held
        All versions of the setup, oldest first; none raises UnknownSetupError, as does a version
        that is not among them.
    known
        Ids of all setups, to offer the nearest.
    """
    if not held:
        near = difflib.get_close_matches(setup_id, known, n=3, cutoff=0.4)
        meant = f": did you mean {', '.join(near)}?" if near else ""
        raise UnknownSetupError(f"unknown setup '{setup_id}'{meant}", closest=tuple(near))
    if version is None:
        return spec_of(in_use(held) or held[-1])
    for kept in held:
        if kept.rule_version == version.removeprefix("v"):
            return spec_of(kept)
    numbers = tuple(v.rule_version for v in held)
    raise UnknownSetupError(
        f"{setup_id} has no version {version}; it has {', '.join(numbers)}", closest=numbers
    )


def next_version(
    held: Sequence[SetupVersion], text: str, file: str, now: datetime
) -> SetupVersion | None:
    """Return the version that a file's text makes, or None if it is the newest held already.

    Parameters
    ----------
    held
        All versions of the same setup, oldest first.

    Notes
    -----
    A number above the newest held is taken as written (major by choice); else the minor grows
    by one. A reason that is word for word that of the version before is marked as none.

    Raises
    ------
    SetupError
        The text is no valid setup.
    """
    spec = parse_once(text, file)
    sha256 = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    newest = held[-1] if held else None
    if newest is not None and newest.sha256 == sha256:
        return None
    old = None if newest is None else _readable(newest)
    number = spec.rule_version
    if newest is not None and version_key(number) <= version_key(newest.rule_version):
        major, minor = version_key(newest.rule_version)
        number = f"{major}.{minor + 1}"
    return SetupVersion(
        setup_id=spec.setup_id,
        rule_version=number,
        author=spec.author,
        reason=NO_REASON if old is not None and old.reason == spec.reason else spec.reason,
        at=now,
        difference=difference(old, spec),
        sha256=sha256,
        status=spec.status,
        text=_VERSION_LINE.sub(f"rule_version: {number}", text, count=1),
    )


def _readable(version: SetupVersion) -> SetupSpec | None:
    """Return a version as it was written; None if today's words no longer allow it."""
    try:
        return parse_once(version.text, version.setup_id)
    except SetupError:
        return None


def in_use(held: Sequence[SetupVersion]) -> SetupVersion | None:
    """Return the newest version that is no draft, if it is active; drafts wait for a person."""
    settled = [v for v in held if v.status != "draft"]
    return settled[-1] if settled and settled[-1].status == "active" else None


@dataclass(frozen=True)
class Shelf:
    """What both folders say now: texts by setup, ids of the library, and what is broken."""

    texts: dict[str, tuple[str, str]]  # setup_id -> (file, text)
    builtin: frozenset[str]
    problems: list[str]
    broken: frozenset[str]  # names of files that are there but can't be read


def shelf_of(builtin: Mapping[str, str], user: Mapping[str, str]) -> Shelf:
    """Read two folders of files (name -> text); a user's file can't take a built-in's id."""
    texts: dict[str, tuple[str, str]] = {}
    problems: list[str] = []
    broken: set[str] = set()
    ids: frozenset[str] = frozenset()
    for folder in (builtin, user):
        for file, text in sorted(folder.items()):
            try:
                setup_id = parse_once(text, file).setup_id
            except SetupError as error:
                problems.append(error.user_text)
                broken.add(file)
                continue
            if setup_id not in texts:
                texts[setup_id] = (file, text)
                continue
            why = f"'{setup_id}' is taken by {texts[setup_id][0]}: give your copy its own setup_id"
            problems.append(f"{file}:{_line(text)}: setup_id: {why}")
        if folder is builtin:
            ids = frozenset(texts)
    return Shelf(texts, ids, problems, frozenset(broken))


def _line(text: str) -> int:
    before, found, _ = text.partition("setup_id")
    return before.count("\n") + 1 if found else 0
