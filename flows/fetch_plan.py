"""Which sources are asked for what: a symbol's order, what is missing, how long it will take."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from pipeline.domain.errors import BadRequestError, NoBarsError
from pipeline.domain.fetch import FetchRequest
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.report import Holding
from pipeline.domain.source import SourceSymbol
from storage.source_ports import BarSource
from storage.stretch_joining import Stretch, joined, left_of, shared

if TYPE_CHECKING:
    from flows.services import Services

FIRST_FETCH = timedelta(days=365)
"""What is fetched of a symbol of which nothing is held, if no period was said."""
_OPEN_SHARE = 5 / 7
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Candidate:
    """A source that may be asked, with its name of the symbol and the bars it would give."""

    name: str
    source: BarSource
    symbol: SourceSymbol
    timeframe: Timeframe


@dataclass(frozen=True)
class Plan:
    """What is asked for, and whom: the first candidate first. Times are [start, end), UTC.

    `kept`: what was answered before is still there and need not be asked again. `foreign` are
    the holdings from elsewhere.
    """

    symbol: str
    instrument: Instrument
    timeframe: Timeframe
    start: datetime
    end: datetime
    candidates: tuple[Candidate, ...]
    kept: bool = True
    over_synthetic: bool = False
    foreign: tuple[Holding, ...] = ()

    @property
    def seconds(self) -> float:
        """Return about how long the first candidate takes for all of it."""
        return seconds_for(self.candidates[0], self.instrument, self.start, self.end)

    async def missing(self, candidate: Candidate, services: "Services") -> list[Stretch]:
        """Return the stretches that a candidate is asked for.

        What it has answered in full before is left out, and what bars from elsewhere span, unless
        this source was asked there before: they are added to, never written over.
        """
        start = self.start
        if candidate.symbol.first is not None:
            start = max(start, datetime.combine(candidate.symbol.first, time(), UTC))
        if start >= self.end:
            return []
        about = (candidate.name, candidate.symbol, candidate.timeframe)
        span = [(h.first, h.last + Timeframe(h.timeframe).delta) for h in self.foreign]
        known = await services.loads.covered(*about) if self.kept else []
        fresh = left_of((start, self.end), [*span, *known])
        begun = await services.loads.asked(*about) if span else []
        open_ = [part for one in begun for part in left_of(one, known)]
        return joined([*fresh, *shared(open_, [(start, self.end)])])


def seconds_for(
    candidate: Candidate, instrument: Instrument, start: datetime, end: datetime
) -> float:
    """Return about how long a source takes for a period, by what was measured of it."""
    share = 1.0 if instrument.calendar == "crypto" else _OPEN_SHARE
    bars = (end - start) / candidate.timeframe.delta * share
    return float(bars / candidate.source.card.bars_a_second)


async def plan_fetch(request: FetchRequest, services: "Services") -> Plan:
    """Return whom to ask for what.

    Raises
    ------
    BadRequestError
        A source that there is not; or bars from elsewhere are held, and mixing wasn't said.
    NoBarsError
        No source has the symbol; each with its reason.
    """
    instrument = await services.instruments.get(request.symbol)
    holdings = [h for h in await services.bars.holdings() if h.symbol == instrument.symbol]
    real = tuple(h for h in holdings if not h.synthetic)
    names = await source_order(request, real, services)
    asked = request.model_copy(update={"symbol": instrument.symbol})
    candidates, reasons = await _candidates(names, asked, services)
    if not candidates:
        told = "; ".join(reasons) or "SOURCES names none"
        raise NoBarsError(f"No source has {instrument.symbol}: {told}.", symbol=instrument.symbol)
    first = candidates[0]
    foreign = tuple(h for h in real if set(h.sources) - {first.name})
    if foreign and not request.mix:
        raise _would_mix(request, foreign, first)
    start, end = _period(request, real, first, services.clock())
    return Plan(
        symbol=instrument.symbol, instrument=instrument, timeframe=request.timeframe,
        start=start, end=end, candidates=(first,) if real else tuple(candidates),
        kept=bool(real) and not request.again, over_synthetic=len(real) < len(holdings),
        foreign=foreign,
    )  # fmt: skip


async def source_order(
    request: FetchRequest, real: tuple[Holding, ...], services: "Services"
) -> tuple[str, ...]:
    """Return the sources in the order in which they are asked for a symbol.

    The one that was named; else the one whose bars are held; else the chosen ones; else all.
    """
    known = tuple(services.sources)
    if request.source:
        if request.source not in known:
            raise BadRequestError(
                f"{request.source!r} is no source that is set up: "
                f"{', '.join(known) or 'none is'}.",
                field="source", value=request.source, closest=known,
            )  # fmt: skip
        return (request.source,)
    held = {name for holding in real for name in holding.sources}
    own = tuple(name for name in known if name in held)
    chosen = await services.source_choices.of(request.symbol)
    return own or tuple(name for name in chosen if name in known) or known


async def _candidates(
    names: tuple[str, ...], request: FetchRequest, services: "Services"
) -> tuple[list[Candidate], list[str]]:
    """Return the sources that have the symbol, and of the others why not."""
    found: list[Candidate] = []
    reasons: list[str] = []
    wanted, end = request.timeframe, request.end or services.clock().date()
    for name in names:
        source = services.sources[name]
        mapped = await services.source_symbols.get(name, request.symbol)
        timeframe = fitting(source.card.timeframes, wanted)
        if source.card.lacks:
            reasons.append(f"{source.card.title} needs {source.card.lacks}")
        elif mapped is None:
            reasons.append(f"{source.card.title} has no such market in source_symbols.yaml")
        elif mapped.first is not None and end < mapped.first:
            reasons.append(f"{source.card.title} has it since {mapped.first}")
        elif timeframe is None:
            reasons.append(f"{source.card.title} has no {wanted} bars nor shorter ones")
        else:
            found.append(Candidate(name, source, mapped, timeframe))
    return found, reasons


def fitting(given: tuple[Timeframe, ...], wanted: Timeframe) -> Timeframe | None:
    """Return the timeframe to ask for: the wanted one, else the longest that it is built from."""
    if wanted in given:
        return wanted
    shorter = [t for t in given if wanted.minutes % t.minutes == 0 and t.minutes < wanted.minutes]
    return max(shorter, key=lambda t: t.minutes, default=None)


def _period(
    request: FetchRequest, real: tuple[Holding, ...], first: Candidate, now: datetime
) -> tuple[datetime, datetime]:
    """Return [start, end): what was said, else since the newest bar held, else a year."""
    end = now if request.end is None else min(_midnight(request.end, 1), now)
    if request.start is not None:
        return min(_midnight(request.start), end), end
    if request.everything:
        begin = first.symbol.first
        return (_EARLIEST if begin is None else _midnight(begin)), end
    newest = [h.last for h in real if h.timeframe == first.timeframe.value]
    start = max(newest) + first.timeframe.delta if newest else end - FIRST_FETCH
    return min(start, end), end


def _midnight(day: date, later: int = 0) -> datetime:
    return datetime.combine(day, time(), UTC) + timedelta(days=later)


def _would_mix(
    request: FetchRequest, foreign: tuple[Holding, ...], first: Candidate
) -> BadRequestError:
    held = ", ".join(dict.fromkeys(name for h in foreign for name in h.sources))
    card = first.source.card
    asked = fetch_command(request.model_copy(update={"mix": True, "source": first.name}))
    return BadRequestError(
        f"Bars of {request.symbol} are held from {held}; those of {card.title} "
        f"({card.side.value}) may differ from them. Say mix=yes to add them outside of "
        "what is held.",
        field="mix", value=None, closest=("mix=yes",), corrected=asked,
    )  # fmt: skip


def fetch_command(request: FetchRequest) -> str:
    """Return the command that asks for a fetch."""
    words = ["/fetch", request.symbol, request.timeframe.value]
    if request.start is not None:
        words.append(f"{request.start}..{request.end or request.start}")
    words += ["all"] * request.everything
    words += [f"source={request.source}"] * bool(request.source)
    words += ["again=yes"] * request.again + ["mix=yes"] * request.mix
    return " ".join([*words, *(["then", request.then] if request.then else [])])
