"""A setup's text taken into the library: signed by who adds it, under a name that is free."""

import json
import re

from pipeline.domain.errors import SetupError
from pipeline.setups.reading import read_marked
from pipeline.setups.rules import SetupSpec, parse_setup
from pipeline.setups.versions import Shelf

_KEY = re.compile(r"[A-Za-z_][\w]*[ \t]*:")
_LONGEST = {"author": 80, "reason": 500}


def signed(text: str, file: str, *, author: str, reason: str = "") -> str:
    """Return a setup file's text with its author, and its reason where one is given.

    Nothing else of the text changes, comments included, but for comments on those two lines.

    Raises
    ------
    SetupError
        The text is no valid setup, or its author can't be set without touching something else.
    """
    spec = parse_setup(text, file)
    wanted = {"author": _plain(author, "author") or spec.author}
    if _plain(reason, "reason"):
        wanted["reason"] = _plain(reason, "reason")
    changed = text
    for word, value in wanted.items():
        changed = _replaced(changed, file, word, value)
    if parse_setup(changed, file) != spec.model_copy(update=wanted):
        line = read_marked(text, file).line(("author",))
        raise SetupError(
            f"{file}:{line}: author: write `author` and `reason` each on a line of its own",
            file=file, line=line, field="author",
        )  # fmt: skip
    return changed


def free_file(spec: SetupSpec, shelf: Shelf, taken: frozenset[str]) -> str:
    """Return the name of the file that a setup is written to: its own one, else a free one.

    Parameters
    ----------
    taken
        Names of all files in the user's folder, broken ones included.

    Raises
    ------
    SetupError
        A built-in has that id.
    """
    if spec.setup_id in shelf.builtin:
        raise SetupError(
            f"setup_id: '{spec.setup_id}' is a built-in's: give yours an id of its own, "
            f"such as My_{spec.setup_id}",
            field="setup_id",
        )
    if spec.setup_id in shelf.texts:
        return shelf.texts[spec.setup_id][0]
    names = (f"{spec.setup_id}{end}.yaml" for end in ("", *(f"_{n}" for n in range(2, 1000))))
    return next(name for name in names if name not in taken)


def _plain(words: str, field: str) -> str:
    """Return words as one printable line of at most the field's length."""
    line = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return line[: _LONGEST[field]]


def _replaced(text: str, file: str, word: str, value: str) -> str:
    """Return the text with a top-level word's lines replaced by one."""
    first = read_marked(text, file).line((word,)) - 1
    lines = text.splitlines(keepends=True)
    while first > 0 and not re.match(rf"{word}[ \t]*:", lines[first]):
        first -= 1
    behind = first + 1
    while behind < len(lines) and lines[behind][:1] in (" ", "\t", "\n", "\r"):
        behind += 1
    return "".join(
        [*lines[:first], f"{word}: {json.dumps(value, ensure_ascii=False)}\n", *lines[behind:]]
    )
