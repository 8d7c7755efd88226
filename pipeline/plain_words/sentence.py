"""A sentence whose words are taken one reading after another; what nobody took is told."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from pipeline.command_words import normalise

T = TypeVar("T")
MOST = 500
"""Characters of a sentence that are read; nobody asks for a test in more."""
_WORD = re.compile(r"[^\W_]+(?:[._/&'-][^\W_]+)*|&", re.UNICODE)


@dataclass(frozen=True)
class Taken:
    """Some words of a sentence and what they were read as."""

    kind: str
    words: str
    meaning: str


@dataclass
class Sentence:
    """What a person wrote; taken words are blanked, so that no word is read twice.

    `plain` is in small letters with yo (ё) as ye (е), of the same length as `original`.
    """

    original: str
    plain: str
    taken: list[Taken] = field(default_factory=list)

    @classmethod
    def of(cls, text: str) -> "Sentence":
        """Return the sentence of a text, with what phones do to text undone."""
        original = normalise(text)[:MOST]
        plain = "".join(c.lower() if len(c.lower()) == 1 else c for c in original)
        return cls(original, plain.replace("ё", "е"))

    def take(
        self,
        pattern: re.Pattern[str],
        kind: str,
        read: Callable[[re.Match[str]], tuple[T, str] | None],
    ) -> T | None:
        """Return what `read` makes of the first fitting words, and take them; None: nothing.

        `read` gives the value and how it is told, or None to let a match pass.
        """
        for found in pattern.finditer(self.plain):
            result = read(found)
            if result is not None:
                value, meaning = result
                self.note(kind, found.span(), meaning)
                return value
        return None

    def note(self, kind: str, span: tuple[int, int], meaning: str) -> None:
        """Take the words of a span."""
        start, end = span
        self.taken.append(Taken(kind, self.original[start:end].strip(" ,.;"), meaning))
        self.plain = f"{self.plain[:start]}{' ' * (end - start)}{self.plain[end:]}"

    def forget(self, kind: str) -> None:
        """Take back what was read as a kind; its words stay blank."""
        self.taken = [taken for taken in self.taken if taken.kind != kind]

    def words(self) -> list[tuple[str, tuple[int, int]]]:
        """Return the words not taken yet, with their spans."""
        return [(found.group(), found.span()) for found in _WORD.finditer(self.plain)]

    def written(self, span: tuple[int, int]) -> str:
        """Return the words of a span with their own capitals."""
        return self.original[slice(*span)]
