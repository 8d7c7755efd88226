"""The sweep that would make variants of a setup, offered where there is too little to compare."""

from collections.abc import Sequence

from flows.holdings import first_usable, usable
from flows.services import Services
from pipeline.research.profile import GroundProfile, ProfileRequest
from pipeline.setups.rules import SetupSpec

_RR = "rr=1|1.5|2|3"


async def sweep_to_try(
    request: ProfileRequest, grounds: Sequence[GroundProfile], services: Services
) -> str:
    """Return a command that fits the setup: its own switches if it has any, and its target.

    Empty where variants have been compared on all that is held already.
    """
    spec = await services.setups.get(request.setup_id)
    if any(ground.effects for ground in grounds):
        return ""
    everything = await services.bars.holdings()
    named = (request.symbol,) if request.symbol else spec.symbols
    held = [h for h in everything if h.symbol in named]
    symbol = held[0].symbol if held else named[0]
    own = [h for h in held if h.symbol == symbol]
    trigger = first_usable(own, (spec.timeframe, *spec.timeframes))
    fitting = usable(own, trigger)
    days = "last 365d"
    if fitting:
        days = f"{min(h.first for h in fitting).date()}..{max(h.last for h in fitting).date()}"
    return f"/sweep {spec.setup_id} {symbol} {trigger.value} {days} {_values(spec)}"


def _values(spec: SetupSpec) -> str:
    switches = [f"{name}=off|on" for name in list(spec.variants)[:2]]
    return " ".join([*switches, _RR])
