"""The backtest's report: what goes into the archive and what is owed to the chat."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flows.backtest_compute import Found, Tested
from flows.backtest_pictures import Pictures
from flows.backtest_steps import (
    Ingested,
    Job,
    Nothing,
    Processed,
    artifact_meta,
    cost_model,
)
from flows.backtest_text import trades_csv
from flows.kept_results import provenance_path, trades_path
from flows.run_facts import run_times
from flows.tasks import SkipTaskError
from pipeline.domain.analysis import Analysis
from pipeline.domain.report import BacktestReport, DeliveryKind
from pipeline.domain.request import TaskRecord
from pipeline.domain.trial import Standing
from pipeline.risk import position_size

_STARVED_DAYS = 20  # fewer than one signal in so many trading days is worth a word


@dataclass(frozen=True)
class Results:
    """The outputs of a backtest's tasks, together. `pictures` is None when drawing failed."""

    ingested: Ingested
    processed: Processed
    found: Found
    tested: Tested
    pictures: Pictures | None
    provenance: dict[str, Any]
    notes: tuple[str, ...] = ()
    standing: Standing | None = None
    page: str | None = None
    analysis: Analysis | None = None


def build_report(
    job: Job, results: Results, tasks: tuple[TaskRecord, ...], now: datetime
) -> BacktestReport:
    """Put the report together (contract section 2)."""
    ingested, tested, figures = results.ingested, results.tested, results.tested.metrics
    return BacktestReport(
        run_id=job.run.run_id,
        flow_status="completed",
        **run_times(job.run, now),
        tasks_completed=tasks,
        results_summary={
            "trades_count": figures.trades,
            "winrate": None if figures.win_rate is None else round(figures.win_rate.value, 4),
            "total_pnl": round(figures.total_pnl, 2),
            "notion_page_url": results.page,
            "total_r": round(figures.total_r, 4),
            "signals_count": len(results.found.signals),
        },
        artifacts=_artifacts(job, results.pictures),
        request=job.request.model_dump(mode="json"),
        setup_id=job.spec.setup_id,
        rule_version=job.spec.rule_version,
        symbol=job.request.symbol,
        timeframe=job.request.timeframe.value,
        period_start=ingested.period_start,
        period_end=ingested.period_end,
        source=ingested.source,
        synthetic=ingested.synthetic,
        data_quality=results.processed.quality.score,
        currency=job.instrument.currency,
        point=job.instrument.point,
        lots=position_size(
            job.instrument,
            lots=job.request.options.lots or job.services.settings.lots,
            risk=None,
            distance=1.0,
        ),
        risk=job.request.options.risk,
        costs=_costs(job),
        metrics=figures,
        qa=tested.qa,
        robustness=tested.robustness,
        standing=results.standing,
        analysis=results.analysis,
        missed=_missed(tested),
        funnel=results.found.funnel,
        warnings=(*_warnings(job, results), *_no_page(tasks)),
        provenance=results.provenance,
    )


def _artifacts(job: Job, pictures: Pictures | None) -> dict[str, Any]:
    stem = job.stem
    samples = pictures.samples if pictures else ()
    equity = pictures.equity if pictures else None
    return {
        "backtest_json": f"archive/{report_path(stem)}",
        "trades_csv": f"archive/{csv_path(stem)}",
        "sample_pngs": [f"archive/{picture.path}" for picture in samples],
        "equity_png": f"archive/{equity.path}" if equity else None,
        "trades_json": f"archive/{trades_path(stem)}",
        "provenance_json": f"archive/{provenance_path(stem)}",
    }


def report_path(stem: str) -> str:
    """Return where the report lies in the archive."""
    return f"results/{stem}.json"


def csv_path(stem: str) -> str:
    """Return where the trades lie as CSV."""
    return f"results/{stem}_trades.csv"


def _costs(job: Job) -> dict[str, Any]:
    costs = cost_model(job)
    instrument = job.instrument
    return {
        **costs.model_dump(),
        "spread_source": "request" if costs.spread_points is not None else "bars or table",
        "swap_source": _swap_source(job),
        "spread_table_points": [min(instrument.spread_points), max(instrument.spread_points)],
        "fill": job.request.options.fill.value,
    }


def _swap_source(job: Job) -> str:
    if job.request.options.swap is not None:
        return "request"
    return "instrument" if job.instrument.swap is not None else "not known"


def _missed(tested: Tested) -> dict[str, int]:
    counts: dict[str, int] = {}
    for miss in tested.missed:
        reason = str(miss.reason)
        counts[reason] = counts.get(reason, 0) + 1
    return counts


def _warnings(job: Job, results: Results) -> tuple[str, ...]:
    fewest = job.services.settings.min_trades
    count = results.tested.metrics.trades
    warnings = [*results.notes, *results.ingested.warnings, *results.processed.warnings]
    if results.ingested.synthetic:
        warnings.append("The bars are SYNTHETIC: a made-up sample, no market.")
    if job.request.symbol not in job.spec.symbols:
        meant = ", ".join(job.spec.symbols)
        warnings.append(f"The setup is made for {meant}, not for {job.request.symbol}.")
    if 0 < count < fewest:
        warnings.append(f"Only {count} trades: fewer than {fewest} prove nothing either way.")
    days = len(results.processed.quality.coverage)
    if days >= _STARVED_DAYS and len(results.found.signals) * _STARVED_DAYS < days:
        warnings.append("Less than one signal in 20 trading days: the rules hardly ever meet.")
    if results.pictures is None:
        warnings.append("The pictures could not be drawn.")
    return tuple(warnings)


def _no_page(tasks: Sequence[TaskRecord]) -> list[str]:
    """Return why the journal has no page yet; nothing where none is wanted."""
    failed = [t for t in tasks if t.task == "notion_upload" and t.status == "failed"]
    return [f"Journal: {task.error}" for task in failed]


async def write_results(job: Job, results: Results, report: BacktestReport) -> None:
    """Put the report, the trades and the provenance into the archive."""
    stem = job.stem
    tested, found = results.tested, results.found
    trades = {
        "signals": [signal.model_dump(mode="json") for signal in found.signals],
        "plans": [plan.model_dump(mode="json") for plan in found.plans],
        "trades": [trade.model_dump(mode="json") for trade in tested.trades],
        "missed": [miss.model_dump(mode="json") for miss in tested.missed],
    }
    text = report.model_dump_json(indent=2).encode()
    await _put(job, trades_path(stem), json.dumps(trades).encode(), "trades", "application/json")
    await _put(job, csv_path(stem), trades_csv(tested.trades, job.spec.rule_version),
               "trades_csv", "text/csv")  # fmt: skip
    kept = json.dumps(results.provenance, indent=2).encode()
    await _put(job, provenance_path(stem), kept, "provenance", "application/json")
    await _put(job, report_path(stem), text, "report_json", "application/json")


async def _put(job: Job, path: str, data: bytes, role: str, media_type: str) -> None:
    await job.services.archive.put(
        path, data, run_id=job.run.run_id, role=role, media_type=media_type,
        meta=artifact_meta(job),
    )  # fmt: skip


async def telegram_notify(job: Job, results: Results, report: BacktestReport) -> Nothing:
    """Owe the chat that asked its report, pictures and files; without a chat, skip."""
    if job.run.actor.chat_id is None:
        raise SkipTaskError("nobody waits for a message")
    run_id = job.run.run_id
    traded = bool(results.tested.trades)
    await put_delivery(job, DeliveryKind.REPORT, "report", {
        "run_id": run_id, "report": report.model_dump(mode="json"), "has_trades": traded,
    })  # fmt: skip
    if traded:
        await _put_pictures(job, results.pictures)
        await _put_document(job, "csv", csv_path(job.stem), "All trades")
    await _put_document(job, "json", report_path(job.stem), "The whole report")
    return Nothing()


async def _put_pictures(job: Job, pictures: Pictures | None) -> None:
    if pictures is None:
        return
    run_id = job.run.run_id
    if pictures.equity is not None:
        await put_delivery(
            job, DeliveryKind.PHOTO, "equity", {"run_id": run_id, **pictures.equity.model_dump()}
        )
    items = [picture.model_dump() for picture in pictures.samples]
    if len(items) == 1:
        await put_delivery(job, DeliveryKind.PHOTO, "album", {"run_id": run_id, **items[0]})
    elif items:
        await put_delivery(job, DeliveryKind.ALBUM, "album", {"run_id": run_id, "items": items})


async def _put_document(job: Job, word: str, path: str, caption: str) -> None:
    payload = {
        "run_id": job.run.run_id,
        "path": path,
        "filename": path.rsplit("/", 1)[-1],
        "caption": caption,
    }
    await put_delivery(job, DeliveryKind.DOCUMENT, word, payload)


async def put_delivery(job: Job, kind: DeliveryKind, word: str, payload: dict[str, Any]) -> None:
    """Owe the run's chat one delivery under `{word}:{run_id}:{asked}`; no chat, no delivery.

    An attempt that was brought back after a crash owes what the one before it owed: once.
    """
    run, services = job.run, job.services
    if run.actor.chat_id is None:
        return
    await services.outbox.put(
        run.actor.chat_id, kind, payload,
        dedupe_key=f"{word}:{run.run_id}:{run.asked}", now=services.clock(), claim=run.claim,
    )  # fmt: skip
