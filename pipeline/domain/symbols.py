"""Names of symbols: the same market has another one at every broker and source."""

import re
from collections.abc import Iterable

from pipeline.domain.market import Instrument

_SHORT = 4


def match_symbol(text: str, instruments: Iterable[Instrument]) -> str | None:
    """Return the symbol that a text names, by symbol or alias; None if it names none.

    Made for file names: "DAT_ASCII_GRXEUR_M1_2024.csv", "OANDA_DE30EUR, 5.csv", "EURUSD.r_H1".
    The longest name wins. Names shorter than four letters must stand alone.
    """
    words = [w for w in re.split(r"[^A-Z0-9]+", text.upper()) if w]
    joined = " ".join(words)
    found: list[tuple[int, str]] = []
    for instrument in instruments:
        for name in (instrument.symbol, *instrument.aliases):
            plain = plain_name(name)
            alone = plain in words
            inside = len(plain) > _SHORT and plain in joined.replace(" ", "")
            starts = len(plain) == _SHORT and any(w.startswith(plain) for w in words)
            if alone or inside or starts:
                found.append((len(plain), instrument.symbol))
    return max(found)[1] if found else None


def plain_name(name: str) -> str:
    """Return a name with all but capital letters and digits taken out."""
    return re.sub(r"[^A-Z0-9]", "", name.upper())
