"""Commands to try, made of what is really there: active setups over bars that are held."""

from datetime import timedelta
from typing import Final

from bot.commands import COMMANDS
from flows.holdings import usable
from flows.services import Services
from pipeline.domain.report import Holding
from pipeline.setups.rules import SetupSpec

MOST: Final = 3
SPAN: Final = timedelta(days=91)
FALLBACK: Final = tuple(c.example for c in COMMANDS if c.word == "backtest")


async def examples(services: Services) -> tuple[str, ...]:
    """Return up to three /backtest commands that will run; a fixed one if nothing is held."""
    held = await services.bars.holdings()
    found = [_example(spec, held) for spec in await services.setups.active()]
    return tuple([command for command in found if command][:MOST]) or FALLBACK


def _example(spec: SetupSpec, held: list[Holding]) -> str | None:
    """Return the setup over the last quarter of the first of its symbols that is held."""
    for symbol in spec.symbols:
        own = usable([h for h in held if h.symbol == symbol], spec.timeframe)
        if own:
            best = max(own, key=lambda h: h.last - h.first)
            start = max(best.first, best.last - SPAN)
            period = f"{start:%Y-%m-%d}..{best.last:%Y-%m-%d}"
            return f"/backtest {spec.setup_id} {symbol} {spec.timeframe} {period}"
    return None
