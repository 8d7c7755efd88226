"""What START checks before anything is written: words, setup, timeframe, period, held bars."""

import difflib
from collections.abc import Sequence
from datetime import date
from typing import Any

from flows.backtest_steps import no_bars_text, period_bounds
from flows.backtest_text import command_of
from flows.holdings import best_holding, days_held, held_text, usable
from flows.services import Services
from pipeline.command_words import KnownSetup, KnownWords
from pipeline.domain.errors import BadRequestError, MissingBarsError, UnknownSetupError
from pipeline.domain.market import Instrument
from pipeline.domain.report import Holding
from pipeline.domain.request import BacktestRequest
from pipeline.risk import position_size
from pipeline.setups.rules import SetupSpec


async def known_words(services: Services) -> KnownWords:
    """Return the words a command may use now; setup files changed since are taken up first."""
    await services.setups.sync(services.clock())
    setups = tuple(
        KnownSetup(spec.setup_id, spec.timeframe, spec.timeframes, spec.symbols)
        for spec in await services.setups.active()
    )
    instruments = await services.instruments.known()
    aliases = {
        alias.upper().replace("/", ""): instrument.symbol
        for instrument in instruments
        for alias in instrument.aliases
    }
    symbols = tuple(instrument.symbol for instrument in instruments)
    held = days_held(await services.bars.holdings())
    return KnownWords(setups=setups, symbols=symbols, aliases=aliases, held=held)


def today(services: Services) -> date:
    """Return the date in UTC."""
    return services.clock().date()


async def checked(request: BacktestRequest, services: Services) -> tuple[SetupSpec, list[Holding]]:
    """Return the setup and the symbol's holdings, or raise what is wrong, by field."""
    _check_size(request, await services.instruments.get(request.symbol))
    spec = await _known_setup(request, services)
    if request.timeframe not in spec.timeframes:
        valid = tuple(timeframe.value for timeframe in spec.timeframes)
        raise BadRequestError(
            f"{spec.setup_id} runs on {', '.join(valid)}, not on {request.timeframe}.",
            field="timeframe", value=request.timeframe.value, closest=valid,
        )  # fmt: skip
    everything = await services.bars.holdings()
    holdings = [holding for holding in everything if holding.symbol == request.symbol]
    if request.start > today(services):
        raise BadRequestError(
            f"The period starts on {request.start}, which is still to come.",
            field="start", value=request.start.isoformat(), **_held_instead(request, holdings),
        )  # fmt: skip
    if not usable(holdings, request.timeframe):
        raise _wanting(request, _nothing_held(request, spec, everything))
    start, end = period_bounds(request)
    if best_holding(holdings, request.timeframe, start, end) is None:
        held = held_text(holdings)
        missing = MissingBarsError(
            no_bars_text(request, held), field="start", value=request.start.isoformat(),
            **_held_instead(request, holdings),
        )  # fmt: skip
        raise _wanting(request, missing)
    return spec, holdings


def _check_size(request: BacktestRequest, instrument: Instrument) -> None:
    lots = request.options.lots
    if lots is not None and position_size(instrument, lots=lots, risk=None, distance=1.0) == 0:
        raise BadRequestError(
            f"{lots:g} lots is less than the smallest volume of {instrument.symbol}.",
            field="lots", value=f"{lots:g}", closest=(f"lots={instrument.volume_min:g}",),
        )  # fmt: skip


def _held_instead(request: BacktestRequest, holdings: Sequence[Holding]) -> dict[str, Any]:
    """Return the held periods as valid values, and the command with the first of them."""
    fitting = usable(holdings, request.timeframe)
    periods = tuple(dict.fromkeys(f"{h.first.date()}..{h.last.date()}" for h in reversed(fitting)))
    if not periods:
        return {}
    start, _, end = periods[0].partition("..")
    asked = {**request.model_dump(mode="json"), "start": start, "end": end}
    return {"closest": periods, "corrected": command_of(asked)}


def _wanting(request: BacktestRequest, error: MissingBarsError) -> MissingBarsError:
    error.wanted = request
    return error


def _nothing_held(
    request: BacktestRequest, spec: SetupSpec, everything: Sequence[Holding]
) -> MissingBarsError:
    own = [holding for holding in everything if holding.symbol == request.symbol]
    if own:
        valid = tuple(t.value for t in spec.timeframes if usable(own, t))
        return MissingBarsError(
            no_bars_text(request, held_text(own)), field="timeframe",
            value=request.timeframe.value, closest=valid,
            corrected=_with(request, timeframe=valid[0]) if valid else "",
        )  # fmt: skip
    others = tuple(
        sorted({h.symbol for h in everything}, key=lambda s: (s not in spec.symbols, s))
    )
    held = f"Bars are held of {', '.join(others)}." if others else "Import a file first."
    return MissingBarsError(
        f"No bars of {request.symbol} are held. {held}",
        field="symbol", value=request.symbol, closest=others,
        corrected=_with(request, symbol=others[0]) if others else "",
    )  # fmt: skip


def _with(request: BacktestRequest, **changes: str) -> str:
    return command_of({**request.model_dump(mode="json"), **changes})


async def _known_setup(request: BacktestRequest, services: Services) -> SetupSpec:
    version = request.extra.get("rule_version")
    try:
        return await services.setups.get(request.setup_id, version)
    except UnknownSetupError as error:
        known = [spec.setup_id for spec in await services.setups.active()]
        closest = tuple(difflib.get_close_matches(request.setup_id, known, n=3, cutoff=0.3))
        hint = f": did you mean {closest[0]}?" if closest else "."
        raise BadRequestError(
            f"Unknown setup '{request.setup_id}'{hint}",
            field="setup_id", value=request.setup_id, closest=closest or tuple(known[:3]),
        ) from error  # fmt: skip
