"""Sources for people: which there are, what each gives, which is asked for a symbol."""

from collections.abc import Sequence
from dataclasses import dataclass

from flows.services import Services
from flows.start_checks import known_words
from flows.trail import write_trail
from pipeline.domain.errors import AppError
from pipeline.domain.request import Actor
from pipeline.domain.source import SourceCard, SourceSymbol
from pipeline.fetch_commands import SourceWish, parse_source


@dataclass(frozen=True)
class Listed:
    """A source; `symbol` is its name of the one that was asked about, None: it lacks it."""

    card: SourceCard
    place: int
    symbol: SourceSymbol | None = None


@dataclass(frozen=True)
class Sources:
    """What /source shows. Without a symbol: all that are set up."""

    listed: tuple[Listed, ...]
    symbol: str = ""
    chosen: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    changed: bool = False


async def answer(text: str, actor: Actor, services: Services, *, may_change: bool) -> Sources:
    """Look at the sources, or choose for a symbol, as a command says.

    Raises
    ------
    BadRequestError
        A symbol or source that there is not, with the closest ones; the trail has it.
    """
    try:
        known = await known_words(services)
        wish = parse_source(text, known, tuple(services.sources))
    except AppError as error:
        await write_trail(services, actor, "source", {"text": text[:200]}, refusal=error)
        raise
    changed = wish.choice is not None and may_change
    if wish.choice is not None and may_change:
        await services.source_choices.choose(wish.symbol, wish.choice, services.clock())
        what = {"symbol": wish.symbol, "sources": list(wish.choice)}
        await write_trail(services, actor, "source", what)
    return await _listed(wish, services, changed=changed)


async def _listed(wish: SourceWish, services: Services, *, changed: bool) -> Sources:
    holdings = [h for h in await services.bars.holdings() if h.symbol == wish.symbol]
    held = tuple(dict.fromkeys(n for h in holdings if not h.synthetic for n in h.sources))
    chosen = await services.source_choices.of(wish.symbol) if wish.symbol else ()
    order = _order(tuple(services.sources), chosen)
    listed = [
        Listed(
            services.sources[name].card,
            place,
            await services.source_symbols.get(name, wish.symbol) if wish.symbol else None,
        )
        for place, name in enumerate(order, start=1)
    ]
    return Sources(tuple(listed), wish.symbol, tuple(chosen), held, changed)


def _order(known: Sequence[str], chosen: Sequence[str]) -> list[str]:
    first = [name for name in chosen if name in known]
    return [*first, *(name for name in known if name not in first)]
