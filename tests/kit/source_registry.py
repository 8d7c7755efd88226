"""The sources that the contract suite runs over; one joins by a line in `WORLDS`."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial

from tests.kit.alpaca import alpaca_world
from tests.kit.exchange_world import exchange_world
from tests.kit.massive import massive_world
from tests.kit.source_worlds import World, dukascopy_world, memory_world
from tests.kit.yahoo import yahoo_world

WORLDS: dict[str, Callable[[datetime], AbstractAsyncContextManager[World]]] = {
    "alpaca": alpaca_world,
    "ccxt": exchange_world,
    "dukascopy": dukascopy_world,
    "dukascopy-api": partial(dukascopy_world, api=True),
    "massive": massive_world,
    "memory": memory_world,
    "yahoo": yahoo_world,
}
