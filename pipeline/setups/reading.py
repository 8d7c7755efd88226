"""YAML text to plain values and the line of every field; nothing a setup doesn't need is read.

A small reader of its own on PyYAML's events, because YAML's full language is a trap here:
`10:00` would be the number 600, aliases can grow without bound, a doubled key wins silently.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from pipeline.domain.errors import SetupError

MAX_BYTES = 64 * 1024
MAX_DEPTH = 12
MAX_NODES = 4000
Path = tuple[str | int, ...]

_INT = re.compile(r"[-+]?\d{1,15}")
_FLOAT = re.compile(r"[-+]?(\d{1,15}\.\d{0,15}|\.\d{1,15})([eE][-+]?\d{1,2})?")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_KEPT_AS_TEXT = ("rule_version",)


@dataclass(frozen=True)
class Marked:
    """A mapping read from a file, and the line (from 1) of each path in it."""

    file: str
    document: dict[str, Any]
    lines: dict[Path, int]

    def line(self, path: Path) -> int:
        """Return the line of a path, or of the nearest part of it that has one."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return 0


def read_marked(text: str, file: str) -> Marked:
    """Read a setup file's text.

    Raises
    ------
    SetupError
        Too long, not YAML, or uses what setups don't: anchors, tags, several documents,
        doubled keys, more than 12 levels.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise SetupError(f"{file}: longer than {MAX_BYTES // 1024} KB", file=file)
    try:
        events = list(_allowed(text, file))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        problem = error.problem or error.context or "unreadable"
        raise SetupError(f"{file}:{line}: not YAML: {problem}", file=file, line=line) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        shown = (str(error).splitlines() or ["unreadable"])[0][:120]
        raise SetupError(f"{file}: not YAML: {shown}", file=file) from error
    return _Reader(file, events).read()


def _allowed(text: str, file: str) -> Iterator[Any]:
    """Yield the parser's events, refusing what could hurt before anything is built."""
    depth = nodes = documents = 0
    parsed: Iterator[Any] = yaml.parse(text, Loader=yaml.SafeLoader)
    for event in parsed:
        line = event.start_mark.line + 1
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        nodes += isinstance(event, yaml.NodeEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        refused = (
            (getattr(event, "anchor", None) is not None, "anchors and aliases are not used"),
            (getattr(event, "tag", None) is not None, "tags (!…) are not used"),
            (depth > MAX_DEPTH, f"nested deeper than {MAX_DEPTH} levels"),
            (nodes > MAX_NODES, f"more than {MAX_NODES} values"),
            (documents > 1, "more than one document"),
        )
        for wrong, why in refused:
            if wrong:
                raise SetupError(f"{file}:{line}: {why}", file=file, line=line)
        yield event


class _Reader:
    """Walk the events once; depth is bounded by then."""

    def __init__(self, file: str, events: list[Any]) -> None:
        self.file = file
        self.events: Iterator[Any] = iter(
            e for e in events if isinstance(e, yaml.NodeEvent | yaml.CollectionEndEvent)
        )
        self.lines: dict[Path, int] = {}

    def read(self) -> Marked:
        first = next(self.events, None)
        if not isinstance(first, yaml.MappingStartEvent):
            raise SetupError(
                f"{self.file}:1: a setup file is a list of `word: value` lines",
                file=self.file,
                line=1,
            )
        document = self._value(first, ())
        return Marked(self.file, document, self.lines)

    def _value(self, event: Any, path: Path) -> Any:
        self.lines.setdefault(path, event.start_mark.line + 1)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return event.value if path[-1:] in [(k,) for k in _KEPT_AS_TEXT] else _scalar(event)

    def _mapping(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(key := next(self.events), yaml.MappingEndEvent):
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarEvent):
                self._refuse(line, path, "a word is expected before the colon")
            if key.value in found:
                self._refuse(line, (*path, key.value), "is given twice")
            self.lines[*path, key.value] = line
            found[key.value] = self._value(next(self.events), (*path, key.value))
        return found

    def _sequence(self, path: Path) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            found.append(self._value(event, (*path, len(found))))
        return found

    def _refuse(self, line: int, path: Path, why: str) -> None:
        field = dotted(path)
        raise SetupError(
            f"{self.file}:{line}: {field}: {why}", file=self.file, line=line, field=field
        )


def _scalar(event: Any) -> Any:
    text = event.value
    if event.style in ("'", '"', "|", ">"):
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def dotted(path: Path) -> str:
    """Write a path as people do: `steps[2].window.start`."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")
