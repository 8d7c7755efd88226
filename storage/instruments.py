"""What is known of symbols: the built-in table, and a file of the user's own beside it."""

import asyncio
import difflib
import re
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pipeline.domain.errors import BadRequestError, SetupError
from pipeline.domain.market import SESSIONS, Instrument
from pipeline.domain.symbols import plain_name

CALENDARS = ("fx", "index_xetra", "index_us", "metal", "crypto")
_MAX_FILE = 1 << 20


class YamlInstruments:
    """The instrument table read from YAML; the user's file adds symbols or replaces them.

    Parameters
    ----------
    user_file
        A YAML list of instruments; need not exist. It is read again when it has changed.
    """

    def __init__(self, user_file: Path | None = None) -> None:
        self._user_file = user_file
        built_in = resources.files("pipeline.domain").joinpath("instruments.yaml")
        self._built_in = _parse(built_in.read_text(encoding="utf-8"), "instruments.yaml")
        self._users: list[Instrument] = []
        self._stamp: tuple[int, int] | None = None

    async def get(self, symbol: str) -> Instrument:
        """Return the instrument for a symbol or alias.

        Raises
        ------
        BadRequestError
            Nobody knows it; the closest names come with the error.
        """
        instruments = await self.known()
        wanted = plain_name(symbol)
        names = {plain_name(i.symbol): i for i in instruments}
        aliases = {plain_name(a): i for i in instruments for a in i.aliases}
        found = names.get(wanted) or aliases.get(wanted)
        if found is not None:
            return found
        close = difflib.get_close_matches(wanted, [*names, *aliases], n=3, cutoff=0.6)
        closest = tuple(dict.fromkeys((names.get(c) or aliases[c]).symbol for c in close))
        closest = closest or tuple(i.symbol for i in instruments)
        raise BadRequestError(
            f"unknown symbol {symbol!r}: did you mean {', '.join(closest)}?",
            field="symbol",
            value=symbol,
            closest=closest,
        )

    async def known(self) -> list[Instrument]:
        """Return all instruments, by symbol."""
        await asyncio.to_thread(self._refresh)
        table = {i.symbol: i for i in (*self._built_in, *self._users)}
        return [table[symbol] for symbol in sorted(table)]

    def _refresh(self) -> None:
        if self._user_file is None or not self._user_file.is_file():
            self._users, self._stamp = [], None
            return
        stat = self._user_file.stat()
        stamp = (stat.st_mtime_ns, stat.st_size)
        if stamp == self._stamp:
            return
        if stat.st_size > _MAX_FILE:
            raise SetupError("the instrument file is larger than 1 MB", file=str(self._user_file))
        text = self._user_file.read_text(encoding="utf-8")
        self._users, self._stamp = _parse(text, self._user_file.name), stamp


def _parse(text: str, file: str) -> list[Instrument]:
    """Read a YAML list of instruments; any fault is a SetupError with file and field."""
    if "&" in text and re.search(r"(^|\s)[&*]\w", text):
        raise SetupError("anchors and aliases of YAML are not allowed", file=file)
    try:
        raw = yaml.safe_load(text) or []
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 0
        raise SetupError(
            f"{file}, line {line}: not readable as YAML", file=file, line=line
        ) from error
    if not isinstance(raw, list):
        raise SetupError(f"{file}: a list of instruments is expected", file=file)
    return [_instrument(entry, file) for entry in raw]


def _instrument(entry: Any, file: str) -> Instrument:
    try:
        instrument = Instrument.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SetupError(f"{file}: {where}: {first['msg']}", file=file, field=where) from error
    for name, value, valid in (
        ("cash_session", instrument.cash_session, tuple(SESSIONS)),
        ("calendar", instrument.calendar, CALENDARS),
    ):
        if value not in valid:
            words = ", ".join(valid)
            text = f"{file}: {instrument.symbol}: {name} {value!r} is none of {words}"
            raise SetupError(text, file=file, field=name, valid=valid)
    return instrument
