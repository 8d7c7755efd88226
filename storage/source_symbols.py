"""How sources call our symbols: the built-in table, and a file of the user's own over it."""

import asyncio
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pipeline.domain.errors import SetupError
from pipeline.domain.source import SourceSymbol

Table = dict[str, dict[str, SourceSymbol]]
ANY = "*"
"""In the built-in table: the source is asked for every symbol, by our name."""
_MOST = 1 << 20


class YamlSourceSymbols:
    """The table read from YAML: source → our symbol → name, scale, first, note.

    Parameters
    ----------
    user_file
        Adds entries or replaces them; need not exist. It is read again when it has changed.
    """

    def __init__(self, user_file: Path | None = None) -> None:
        self._user_file = user_file
        built_in = resources.files("pipeline.domain").joinpath("source_symbols.yaml")
        self._built_in = _parse(built_in.read_text(encoding="utf-8"), "source_symbols.yaml")
        self._users: Table = {}
        self._stamp: tuple[int, int] | None = None

    async def get(self, source: str, symbol: str) -> SourceSymbol | None:
        """Return how a source calls a symbol, or None; a broken file is a SetupError."""
        await asyncio.to_thread(self._refresh)
        own = self._users.get(source, {}).get(symbol)
        found = own or self._built_in.get(source, {}).get(symbol)
        if found is None and ANY in self._built_in.get(source, {}):
            return SourceSymbol(symbol=symbol, name=symbol)
        return found

    def _refresh(self) -> None:
        if self._user_file is None or not self._user_file.is_file():
            self._users, self._stamp = {}, None
            return
        stat = self._user_file.stat()
        stamp = (stat.st_mtime_ns, stat.st_size)
        if stamp == self._stamp:
            return
        if stat.st_size > _MOST:
            raise SetupError("the file is larger than 1 MB", file=self._user_file.name)
        text = self._user_file.read_text(encoding="utf-8")
        self._users, self._stamp = _parse(text, self._user_file.name), stamp


def _parse(text: str, file: str) -> Table:
    """Read a table; any fault is a SetupError that names file, field and value."""
    try:
        raw = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 0
        raise SetupError(f"{file}, line {line}: not readable as YAML", file=file) from error
    if not isinstance(raw, dict):
        raise SetupError(f"{file}: source names with symbols under them are expected", file=file)
    return {str(source): _entries(str(source), held, file) for source, held in raw.items()}


def _entries(source: str, held: Any, file: str) -> dict[str, SourceSymbol]:
    if not isinstance(held, dict):
        raise SetupError(f"{file}: {source}: symbols are expected under it", file=file)
    found = {}
    for symbol, entry in held.items():
        fields = entry if isinstance(entry, dict) else {"name": entry}
        try:
            found[str(symbol)] = SourceSymbol(symbol=str(symbol), **fields)
        except (ValidationError, TypeError) as error:
            said = (
                error.errors()[0]
                if isinstance(error, ValidationError)
                else {"loc": (), "msg": str(error)}
            )
            where = ".".join(str(part) for part in said["loc"])
            what = f"{file}: {source}.{symbol}.{where}: {said['msg']}"
            raise SetupError(what, file=file, field=f"{source}.{symbol}.{where}") from error
    return found
