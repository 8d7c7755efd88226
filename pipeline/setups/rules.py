"""From a setup file's text to a checked SetupSpec, with mistakes named by file, line and field."""

import difflib
import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from pydantic import ValidationError

from pipeline.domain.errors import SetupError
from pipeline.setups.checks import mistakes
from pipeline.setups.model import FieldChange, SetupSpec, SetupVersion
from pipeline.setups.reading import Marked, Path, dotted, read_marked

__all__ = [
    "FieldChange",
    "SetupSpec",
    "SetupVersion",
    "assign",
    "checked",
    "difference",
    "parse_setup",
    "varied",
]

_ABSENT = object()
_QUOTED = re.compile(r"'([^']*)'")


def parse_setup(text: str, file: str, variants: tuple[str, ...] | None = None) -> SetupSpec:
    """Read and check one setup file, every variant of it included.

    Parameters
    ----------
    text, file
        The YAML, and the name that errors give it.
    variants
        Switch these on instead of the file's own `use`.

    Raises
    ------
    SetupError
        Never anything else: with file, line, field and the words that would have been right.
    """
    marked = read_marked(text, file)
    plain = checked(marked, marked.document)
    use = plain.use if variants is None else variants
    for name in plain.variants:
        checked(marked, varied(marked, (name,)))
    if not use:
        return plain
    return checked(marked, varied(marked, use))


def checked(marked: Marked, document: Mapping[str, Any]) -> SetupSpec:
    """Return the setup that a file's values make, perhaps with some of them changed.

    Raises
    ------
    SetupError
        As `parse_setup`.
    """
    try:
        spec = SetupSpec.model_validate(document)
    except ValidationError as error:
        raise _model_error(marked, error) from None
    for wrong in mistakes(spec):
        raise _error(marked, wrong.path, wrong.why, wrong.valid)
    return spec


def _model_error(marked: Marked, error: ValidationError) -> SetupError:
    first = error.errors(include_url=False)[0]
    path: Path = tuple(p for p in first["loc"] if p != "[key]")
    context = first.get("ctx", {})
    if first["type"] == "unknown_word":
        path = (*path, context["key"])
    valid = tuple(context.get("valid", ()))
    if "expected" in context:
        valid = tuple(
            w.strip(" '") for w in str(context["expected"]).replace(" or ", ",").split(",")
        )
    why = "is missing" if first["type"] == "missing" else str(first["msg"])
    return _error(marked, path, why, valid)


def _error(marked: Marked, path: Path, why: str, valid: tuple[str, ...]) -> SetupError:
    line, field = marked.line(path), dotted(path)
    quoted = _QUOTED.search(why)
    given = quoted.group(1) if quoted else str(path[-1] if path else "")
    near = [w for w in difflib.get_close_matches(given, valid, n=1) if w != given]
    meant = f"; did you mean '{near[0]}'?" if near else ""
    words = f" (valid: {', '.join(valid)})" if valid else ""
    text = f"{marked.file}:{line}: {field}: {why}{meant}{words}"
    return SetupError(text, file=marked.file, line=line, field=field, valid=valid)


def varied(marked: Marked, names: tuple[str, ...]) -> dict[str, Any]:
    """Return a copy of a file's values with these of its variants switched on."""
    document = deepcopy(marked.document) | {"use": list(names)}
    known = document.get("variants", {})
    for name in names:
        if name not in known:
            raise _error(marked, ("use",), f"unknown variant '{name}'", tuple(known))
        for target, value in known[name]["set"].items():
            at: Path = ("variants", name, "set", target)
            try:
                assign(document, target.split("."), value)
            except (KeyError, IndexError, ValueError, TypeError):
                raise _error(marked, at, f"'{target}' is no path in this file", ()) from None
    return document


def assign(document: dict[str, Any], keys: list[str], value: Any) -> None:
    """Set `a.b.2.c`; what is above the last word must be there already."""
    here: Any = document
    for key in keys[:-1]:
        here = here[int(key)] if isinstance(here, list) else here[key]
    if isinstance(here, list):
        here[int(keys[-1])] = value
    elif isinstance(here, dict):
        here[keys[-1]] = value
    else:
        raise TypeError(keys)


def difference(old: SetupSpec | None, new: SetupSpec) -> tuple[FieldChange, ...]:
    """Return field by field what `new` changes; version, author, reason and status aside."""
    if old is None:
        return ()
    aside = {"rule_version", "author", "reason"}
    before = _leaves(old.model_dump(mode="json", by_alias=True, exclude=aside), ())
    after = _leaves(new.model_dump(mode="json", by_alias=True, exclude=aside), ())
    return tuple(
        FieldChange(field=dotted(path), old=before.get(path), new=after.get(path))
        for path in sorted({*before, *after}, key=str)
        if before.get(path, _ABSENT) != after.get(path, _ABSENT)
    )


def _leaves(value: Any, path: Path) -> dict[Path, Any]:
    if isinstance(value, dict) and value:
        return {p: v for k, x in value.items() for p, v in _leaves(x, (*path, k)).items()}
    if isinstance(value, list) and value:
        return {p: v for i, x in enumerate(value) for p, v in _leaves(x, (*path, i)).items()}
    return {path: value}
