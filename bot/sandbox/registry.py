"""Own the list of Bot API methods the sandbox speaks, by their lower-case name."""

from collections.abc import Awaitable, Callable
from typing import Any

from bot.sandbox.params import Params
from bot.sandbox.world import World

Method = Callable[[World, Params], Awaitable[Any]]
METHODS: dict[str, Method] = {}


def bot_api(call: Method) -> Method:
    """Register ``send_message`` as ``sendMessage``; Telegram ignores the case of names."""
    METHODS[call.__name__.replace("_", "").lower()] = call
    return call
