"""The sources that the contract suite runs over; one joins by a line in `WORLDS`."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial

from tests.kit.source_worlds import World, dukascopy_world, memory_world
from tests.kit.yahoo import yahoo_world

WORLDS: dict[str, Callable[[datetime], AbstractAsyncContextManager[World]]] = {
    "dukascopy": dukascopy_world,
    "dukascopy-api": partial(dukascopy_world, api=True),
    "memory": memory_world,
    "yahoo": yahoo_world,
}
