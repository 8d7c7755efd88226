"""What is watched: the symbols, setups and timeframes that chats want and a feed can give."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from pipeline.domain.market import Timeframe
from pipeline.domain.watch import Watch
from pipeline.setups.model import SetupSpec

Pair = tuple[SetupSpec, Timeframe]
"""A setup and a timeframe that triggers it."""


def universe(
    watches: Iterable[Watch], setups: Sequence[SetupSpec], offered: Collection[str]
) -> dict[str, tuple[Pair, ...]]:
    """Return what is to be scanned by symbol, in a fixed order; nobody watches: nothing.

    Notes
    -----
    A setup runs on the symbols it is made for. On another it runs for a chat that names both.
    """
    wanted: dict[str, set[tuple[str, Timeframe]]] = {}
    for watch in watches:
        if not watch.on:
            continue
        for spec in setups:
            for symbol in sorted(offered):
                if not _asks_for(watch, spec, symbol):
                    continue
                found = wanted.setdefault(symbol, set())
                found |= {(spec.setup_id, t) for t in triggers(spec, watch.timeframes)}
    by_id = {spec.setup_id: spec for spec in setups}
    return {symbol: _ordered(pairs, by_id) for symbol, pairs in sorted(wanted.items()) if pairs}


def triggers(spec: SetupSpec, timeframes: Sequence[Timeframe]) -> tuple[Timeframe, ...]:
    """Return those of the timeframes that trigger a setup; none named: all of the setup's."""
    return tuple(t for t in spec.timeframes if not timeframes or t in timeframes)


def _asks_for(watch: Watch, spec: SetupSpec, symbol: str) -> bool:
    if watch.setups and spec.setup_id not in watch.setups:
        return False
    if watch.symbols and symbol not in watch.symbols:
        return False
    return symbol in spec.symbols or bool(watch.setups and watch.symbols)


def _ordered(
    pairs: set[tuple[str, Timeframe]], by_id: Mapping[str, SetupSpec]
) -> tuple[Pair, ...]:
    order = sorted(pairs, key=lambda pair: (pair[0], pair[1].minutes))
    return tuple((by_id[setup_id], timeframe) for setup_id, timeframe in order)
