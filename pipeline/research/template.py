"""A setup's file as the mould of its variants."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from pipeline.domain.errors import SetupError
from pipeline.research.values import Value
from pipeline.research.words import USE, Word, words_of
from pipeline.setups.reading import Marked, read_marked
from pipeline.setups.rules import SetupSpec, assign, checked, parse_setup, varied


@dataclass(frozen=True)
class Template:
    """A setup's file, from which variants are made."""

    text: str
    file: str
    rule_version: str

    @cached_property
    def marked(self) -> Marked:
        """The file's values with the lines they stand on."""
        return _read(self.text, self.file)

    @cached_property
    def plain(self) -> SetupSpec:
        """The setup as its file says it."""
        return self.variant({})

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """Everything that can be varied."""
        return words_of(self.marked, parse_setup(self.text, self.file))

    def variant(self, changes: Mapping[str, Value]) -> SetupSpec:
        """Return the checked setup with other values on some paths.

        Raises
        ------
        SetupError
            The values make no valid setup together.
        """
        document = varied(self.marked, _use(self.marked.document, changes))
        document = {"limits": {}, "entry": {}, **document}
        for path, value in changes.items():
            if path != USE and not path.startswith(f"{USE}."):
                self._set(document, path.split("."), value)
        spec = checked(self.marked, document)
        return spec.model_copy(update={"rule_version": self.rule_version})

    def _set(self, document: dict[str, Any], keys: list[str], value: Value) -> None:
        try:
            if keys[0] == "targets" and keys[2:] == ["tp"]:
                document["targets"][int(keys[1])].pop("at", None)  # a target has one of the two
            assign(document, keys, value)
        except (KeyError, IndexError, ValueError, TypeError):
            path = ".".join(keys)
            raise SetupError(
                f"{self.file}: '{path}' is not there with these variants switched on",
                file=self.file, field=path,
            ) from None  # fmt: skip


_read = lru_cache(maxsize=8)(read_marked)


def _use(document: Mapping[str, Any], changes: Mapping[str, Value]) -> tuple[str, ...]:
    """Return the named variants that are on."""
    names = list(document.get("use", ()))
    if USE in changes:
        text = str(changes[USE])
        names = [] if text == "none" else text.split("+")
    for path, on in changes.items():
        if path.startswith(f"{USE}."):
            name = path.removeprefix(f"{USE}.")
            names = [n for n in names if n != name] + ([name] if on else [])
    return tuple(names)
