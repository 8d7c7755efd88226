"""From a found signal to an owed alert: decided, drawn, admitted; what is on the clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from flows import live_compute as compute
from flows.backtest_compute import Look
from flows.live_session import LiveSession, Post
from flows.measuring import measure_signal
from flows.routing import alerts_for
from flows.services import Services
from flows.similar import similar_to
from pipeline.domain.live import LiveSignal, Receipt
from pipeline.domain.signal import Signal
from pipeline.domain.trade import Plan
from pipeline.live.decision import NO_MODEL, RULES_ALONE, decide
from pipeline.live.ticket import ticket_hash
from pipeline.ml.features import FEATURE_VERSION, Vector
from storage.live_ports import Admission
from storage.telemetry import get_logger

log = get_logger(__name__)


@dataclass(frozen=True)
class Times:
    """When a symbol's bars had come and its setups had been asked, by this machine's clock."""

    data_at: datetime
    detected_at: datetime


async def admit(
    found: tuple[Signal, Plan],
    bars: pd.DataFrame,
    post: Post,
    session: LiveSession,
    run_id: str,
    times: Times,
    features: Vector | None = None,
) -> tuple[Admission, int]:
    """Decide on a signal, draw it if anybody is to see it, and keep it with its alerts owed.

    Parameters
    ----------
    bars
        Of the signal's timeframe, as they were at its close.
    features
        What models score it by; None: they could not be worked out.

    Returns
    -------
    The admission, and how many chats are owed an alert at once because of it.

    Notes
    -----
    Nothing here talks to the scheduler. A chart that can't be drawn holds no alert back.
    """
    services = session.services
    draft = decided(found, session, run_id, times, features)
    if draft.decision.decision.alerts and not await _cooling(draft, services):
        draft = await with_chart(draft, bars, post, session)
    # One after the other: a chat's limits count what it is owed already.
    async with session.admitting:
        now = services.clock()
        heard = session.live or session.only_chat is not None
        alerts = (
            await alerts_for(draft, services, now=now, only_chat=session.only_chat)
            if heard
            else []
        )
        cooldown = timedelta(minutes=session.rules.cooldown_minutes)
        admission = await services.signals.admit(draft, alerts, cooldown=cooldown, now=now)
    record = admission.record
    log.info(
        "signal_admitted", signal_id=record.signal_id, key=record.key, fresh=admission.fresh,
        decision=record.decision.decision.value, alerts=len(alerts),
    )  # fmt: skip
    if admission.fresh and session.live:
        measure_signal(record)
    owed = admission.fresh and record.decision.decision.alerts
    return admission, sum(not alert.held for alert in alerts) if owed else 0


def decided(
    found: tuple[Signal, Plan],
    session: LiveSession,
    run_id: str,
    times: Times,
    features: Vector | None = None,
) -> LiveSignal:
    """Return the signal scored and decided, not yet drawn and not yet kept."""
    (signal, plan), services = found, session.services
    gate = session.rules.gate(signal.setup_id)
    scored = session.score_desk.score(features)
    no_model = f"{scored.note}, {RULES_ALONE}" if scored.note else NO_MODEL
    decision = decide(
        signal, gate, now_market=session.market_now(), ml_score=scored.ml_score, no_model=no_model
    )
    return LiveSignal(
        origin=session.origin,
        run_id=session.run_id or run_id,
        signal=signal,
        plan=plan,
        ticket=ticket_hash(signal, plan),
        decision=decision,
        **scored.fields(),
        features=None if features is None else dict(features),
        feature_version=None if features is None else FEATURE_VERSION,
        similar=similar_to(signal, services, before=signal.known_at),
        receipt=Receipt(
            closed_at=session.closed_at(signal.known_at),
            data_at=times.data_at,
            detected_at=times.detected_at,
            decided_at=services.clock(),
        ),
        extra={"synthetic": True} if session.synthetic else {},
    )


async def _cooling(draft: LiveSignal, services: Services) -> bool:
    s = draft.signal
    owner = await services.signals.cooling(s.setup_id, s.symbol, draft.origin, s.known_at)
    return owner not in ("", draft.key)


async def with_chart(
    draft: LiveSignal, bars: pd.DataFrame, post: Post, session: LiveSession
) -> LiveSignal:
    """Return the signal with its chart drawn and kept; without one if that fails."""
    services = session.services
    path = chart_path(draft)
    try:
        picture = await services.cpu.run(compute.draw_alert, _job(draft, bars, post, session))
        mapping = picture.mapping.model_dump(mode="json") if picture.mapping else None
        await services.archive.put(
            path, picture.png, run_id=draft.run_id, role="alert", media_type="image/png",
            meta={**meta_of(draft), "mapping": mapping},
        )  # fmt: skip
    except Exception:
        log.exception("alert_not_drawn", key=draft.key)
        return draft
    receipt = draft.receipt.model_copy(update={"drawn_at": services.clock()})
    return draft.model_copy(update={"chart": path, "receipt": receipt})


def _job(
    draft: LiveSignal, bars: pd.DataFrame, post: Post, session: LiveSession
) -> compute.ChartJob:
    settings = session.services.settings
    look = Look(
        theme=settings.chart_theme, run_id=draft.run_id, zone=settings.timezone,
        synthetic=session.synthetic,
    )  # fmt: skip
    return compute.ChartJob(bars, draft.signal, draft.plan, post.instrument, look)


def chart_path(draft: LiveSignal) -> str:
    """Return where a signal's chart lies in the archive: the same at every try."""
    s = draft.signal
    name = f"{s.known_at:%Y%m%d_%H%M}_{s.symbol}_{s.tf.value}_{s.setup_id}_{s.side.value}"
    return f"annotated/{draft.origin}/{name}.png"


def meta_of(draft: LiveSignal) -> dict[str, str]:
    """Return what the archive keeps beside a signal's chart."""
    s = draft.signal
    return {
        "setup_id": s.setup_id, "rule_version": s.rule_version, "symbol": s.symbol,
        "timeframe": s.tf.value, "known_at": s.known_at.isoformat(),
    }  # fmt: skip
