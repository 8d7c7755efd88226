"""The few words a backtest writes itself: titles, captions, the CSV of trades."""

import csv
import io
from collections.abc import Mapping, Sequence

from pipeline.domain.request import BacktestOptions, BacktestRequest
from pipeline.domain.signal import Signal
from pipeline.domain.trade import Trade

CSV_COLUMNS = (
    "trade_id", "signal_id", "entry_time", "entry_price", "exit_time", "exit_price",
    "exit_reason", "pnl", "rr", "side", "sl_price", "tp_price", "mae", "mfe", "cost",
    "rule_version", "lots", "pnl_points", "ambiguous", "rr_worst", "rr_best", "swap", "nights",
)  # fmt: skip


def title_of(request: BacktestRequest, rule_version: str) -> str:
    """Return a run's title: what, with which rules, when."""
    return f"{short_title(request, rule_version)} · {period_of(request)}"


def short_title(request: BacktestRequest, rule_version: str) -> str:
    """Return a run's title without its period."""
    return f"{request.symbol} {request.timeframe} · {request.setup_id} {rule_version}".rstrip()


def period_of(request: BacktestRequest) -> str:
    """Return the period as a picture's second line tells it."""
    return f"{request.start} – {request.end}"


def command_of(request: Mapping[str, object]) -> str:
    """Return the /backtest command that asks for `request` (a dumped BacktestRequest)."""
    words = [str(request.get(k, "")) for k in ("setup_id", "symbol", "timeframe")]
    period = f"{request.get('start')}..{request.get('end')}"
    return " ".join(["/backtest", *words, period, *_options(request.get("options"))])


def _options(options: object) -> list[str]:
    """Return the options that differ from the contract's defaults, as key=value."""
    if not isinstance(options, dict):
        return []
    defaults = BacktestOptions().model_dump(mode="json")
    return [
        f"{key}={_word(value)}"
        for key, value in options.items()
        if value is not None and value != defaults.get(key)
    ]


def _word(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def picture_caption(signal: Signal, trade: Trade | None) -> str:
    """Return one line under a picture."""
    when = signal.known_at.strftime("%Y-%m-%d %H:%M UTC")
    if trade is None:
        return f"{signal.signal_id} · {signal.side.value} · {when} · not filled"
    outcome = f"{trade.exit_reason.value.replace('_', ' ')} {trade.rr:+.2f} R"
    return f"{trade.trade_id} · {signal.side.value} · {when} · {outcome}"


def trades_csv(trades: Sequence[Trade], rule_version: str) -> bytes:
    """Return the trades as CSV (UTF-8, a header always); times are UTC with Z."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for trade in trades:
        row = {**trade.model_dump(mode="json"), "rule_version": rule_version}
        writer.writerow([_cell(row[name]) for name in CSV_COLUMNS])
    return text.getvalue().encode()


def _cell(value: object) -> object:
    """Round floats to what prices and money need; 0.1 + 0.2 is no price."""
    return round(value, 8) if isinstance(value, float) else value
