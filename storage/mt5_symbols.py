"""BrokerSymbols: which of the broker's names is which of our symbols."""

import asyncio
import re
from collections.abc import Iterable
from pathlib import Path

import yaml

from pipeline.domain.errors import BadRequestError, SetupError
from pipeline.domain.market import Instrument
from pipeline.domain.symbols import plain_name
from storage.market_ports import InstrumentTable
from storage.mt5_terminal import SymbolName
from storage.mt5_thread import TerminalThread

FILE = "broker_symbols.yaml"
_MAX_FILE = 1 << 16
_SHORT = 4
_ENDING = re.compile(r"[._\-+#!][A-Za-z0-9._\-+#!]{0,8}|[a-z]{1,4}|[.+#!]")
"""What brokers hang behind a name for the kind of account: .r, m, _i, -ECN, pro."""


class BrokerSymbols:
    """Names found by the instruments' aliases, unless the user's file says otherwise.

    Parameters
    ----------
    file
        YAML, `our symbol: broker's name` a line; need not exist. Read once.

    Notes
    -----
    The broker's list is asked for once, at the first need; a failure is asked again.
    """

    def __init__(self, thread: TerminalThread, instruments: InstrumentTable, file: Path) -> None:
        self._thread, self._instruments, self._file = thread, instruments, file
        self._found: dict[str, str] | None = None
        self._lock = asyncio.Lock()

    async def all(self) -> dict[str, str]:
        """Return the broker's name of each of our symbols that it has.

        Raises
        ------
        TerminalLostError
            The broker's list can't be had.
        SetupError
            The user's file is wrong.
        """
        async with self._lock:
            if self._found is None:
                offered = await self._thread.call(lambda terminal: terminal.symbols())
                known = await self._instruments.known()
                chosen = await asyncio.to_thread(read_names, self._file)
                self._found = match_names(known, offered, chosen, self._file.name)
            return self._found

    async def theirs(self, symbol: str) -> str:
        """Return the broker's name of a symbol or alias; BadRequestError if it has none."""
        ours = (await self._instruments.get(symbol)).symbol
        found = await self.all()
        if ours not in found:
            raise BadRequestError(
                f"your broker has no symbol for {ours}: if it has another name there, put "
                f"`{ours}: its name` into {FILE}",
                field="symbol",
                value=symbol,
                closest=tuple(found),
            )
        return found[ours]


def match_names(
    known: Iterable[Instrument],
    offered: Iterable[SymbolName],
    chosen: dict[str, str],
    file: str = FILE,
) -> dict[str, str]:
    """Return the broker's name of each of our symbols.

    An equal name wins, then an alias, then one with an ending for the kind of account; of several
    the one in the Market Watch, then the shortest. Short aliases don't count. `chosen` overrules
    all (SetupError if the broker has no such name).
    """
    offers = list(offered)
    instruments = list(known)
    _check(chosen, {i.symbol for i in instruments}, {o.name for o in offers}, file)
    found = {i.symbol: best for i in instruments if (best := _best(i, offers))}
    return {**found, **chosen}


def _best(instrument: Instrument, offers: list[SymbolName]) -> str | None:
    words = (instrument.symbol, *(a for a in instrument.aliases if _telling(a)))
    names = [plain_name(word) for word in words]
    ranked = [
        (*rank, not each.visible, len(each.name), each.name)
        for each in offers
        if (rank := _rank(each.name, names)) is not None
    ]
    return min(ranked)[-1] if ranked else None


def _telling(alias: str) -> bool:
    """Tell whether an alias can be trusted alone: ES and GOLD are names of shares as well."""
    plain = plain_name(alias)
    return len(plain) > _SHORT or (len(plain) == _SHORT and plain[-1].isdigit())


def _rank(theirs: str, names: list[str]) -> tuple[int, int] | None:
    """Return how well a name fits: kind (equal, with an ending) and place among our names."""
    bare = theirs.lstrip("#.")
    plain = plain_name(bare)
    if not theirs.isprintable():
        return None
    if plain in names:
        return 0, names.index(plain)
    for place, name in enumerate(names):
        if _ENDING.fullmatch(bare[len(name) :]) and plain_name(bare[: len(name)]) == name:
            return 1, place
    return None


def read_names(file: Path) -> dict[str, str]:
    """Read the user's file; none is empty. Any fault is a SetupError that names it."""
    if not file.is_file():
        return {}
    if file.stat().st_size > _MAX_FILE:
        raise SetupError(f"{file.name} is larger than 64 kB", file=str(file))
    try:
        raw = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 0
        text = f"{file.name}, line {line}: not readable as YAML"
        raise SetupError(text, file=str(file), line=line) from error
    good = isinstance(raw, dict) and all(
        isinstance(k, str) and isinstance(v, str) for k, v in raw.items()
    )
    if not good:
        raise SetupError(f"{file.name}: lines like GER40: DE40.cash are expected", file=str(file))
    return dict(raw)


def _check(chosen: dict[str, str], ours: set[str], theirs: set[str], file: str) -> None:
    for symbol, name in chosen.items():
        if symbol not in ours:
            raise SetupError(f"{file}: {symbol!r} is no symbol of ours", file=file, field=symbol)
        if name not in theirs:
            text = f"{file}: your broker has no symbol {name!r} for {symbol}"
            raise SetupError(text, file=file, field=symbol)
