"""Reads what a person typed after /upkeep."""

from datetime import date

from pipeline.command_words import KnownWords, closest_words
from pipeline.commands import words_in
from pipeline.domain.errors import BadRequestError
from pipeline.domain.upkeep import PARTS, UpkeepRequest

_DRY = ("dry", "dry_run", "dry-run", "dryrun")


def parse_upkeep(text: str, known: KnownWords, today: date) -> UpkeepRequest:
    """Return the upkeep that `text` asks for: "dry" for figures alone, and maybe parts.

    Raises
    ------
    BadRequestError
        Naming the word that is no part, and the parts there are.
    """
    del known, today
    words = [word.lower() for word in words_in(text)]
    dry = [word for word in words if _is_dry(word)]
    parts = [word.replace("-", "_") for word in words if word not in dry]
    for word in parts:
        if word not in PARTS:
            near = closest_words(word, PARTS) or PARTS
            raise BadRequestError(
                f"Upkeep has no part {word!r}: there are {', '.join(PARTS)}.", field="parts",
                value=word, closest=near, corrected=_text([near[0]], dry=bool(dry)),
            )  # fmt: skip
    return UpkeepRequest(parts=tuple(p for p in PARTS if p in parts), dry=bool(dry))


def _is_dry(word: str) -> bool:
    return word.lstrip("-") in _DRY or word.lstrip("-") in ("dry=true", "dry_run=true")


def _text(parts: list[str], *, dry: bool) -> str:
    return " ".join(["/upkeep", *(["dry"] if dry else []), *parts])
