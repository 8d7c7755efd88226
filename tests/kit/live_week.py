"""A week of live signals drawn at random, each with what was done about it and how it ended."""

from datetime import datetime, timedelta

import numpy as np

from pipeline.domain.live import (
    Answer,
    DecisionKind,
    Life,
    LifeState,
    LiveSignal,
    Paper,
)
from pipeline.domain.trade import ExitReason, Missed, Trade
from tests.kit.live_signals import CLOSE, hand_made


def ended(record: LiveSignal, rr: float, reason: ExitReason = ExitReason.TP) -> Life:
    """Return a life that closed with that many R."""
    plan, at = record.plan, record.signal.known_at
    trade = Trade(
        trade_id="t0001", signal_id=plan.signal_id, side=plan.side, entry_time=at,
        entry_price=plan.entry_price, exit_time=at + timedelta(minutes=30),
        exit_price=plan.entry_price + rr * 0.001, exit_reason=reason, sl_price=plan.sl_price,
        tp_price=plan.targets[-1].price, lots=1, pnl_points=rr * 10, pnl=rr * 100, rr=rr, mae=-0.5,
        mfe=1.0, cost=1.0, ambiguous=False, rr_worst=rr, rr_best=rr,
    )  # fmt: skip
    as_of = at + timedelta(minutes=35)
    return Life(state=LifeState.CLOSED, as_of=as_of, entry_time=at,
                entry_price=plan.entry_price, trade=trade)  # fmt: skip


def unfilled(record: LiveSignal) -> Life:
    """Return a life whose order expired."""
    at = record.signal.known_at + timedelta(minutes=40)
    missed = Missed(signal_id=record.plan.signal_id, reason=ExitReason.EXPIRED, at=at)
    return Life(state=LifeState.EXPIRED, as_of=at, missed=missed)


def lived(
    life: Life | None = None,
    *,
    choice: str = "",
    paper: Life | None = None,
    at: datetime = CLOSE,
    score: float | None = None,
    **draft: object,
) -> LiveSignal:
    """Return a kept signal with its life (a function of the draft, or None: it waits)."""
    record = hand_made(at, **draft)
    change: dict[str, object] = {"ml_score": score}
    if life is not None:
        change["life"] = life(record) if callable(life) else life
    if choice:
        change["answer"] = Answer(choice=choice, user_id=1, name="Ann", at=at)
    if paper is not None:
        kept = paper(record) if callable(paper) else paper
        change["paper"] = Paper(plan=record.plan, life=kept)
    return record.model_copy(update=change)


def drawn_week(rng: np.random.Generator, n: int, setups: int = 4) -> list[LiveSignal]:
    """Return signals of a few setups with every fate and end."""
    kinds = list(DecisionKind)
    found = []
    for i in range(n):
        kind = kinds[int(rng.integers(len(kinds)))]
        choice = str(rng.choice(["approved", "rejected", ""])) if kind.alerts else ""
        hit = rng.random() < 0.4
        rr = 1.9 if hit else -1.05 + 0.3 * rng.random()
        reason = ExitReason.TP if hit else ExitReason.SL

        def end(record, rr=rr, reason=reason):
            return ended(record, rr, reason)

        state = rng.random()
        life = None if state < 0.05 else unfilled if state < 0.2 else end
        found.append(
            lived(
                life, choice=choice, paper=life if choice == "approved" else None,
                at=CLOSE + timedelta(minutes=7 * i), kind=kind,
                setup_id=f"Some_setup_v{i % setups + 1}",
                confidence=round(float(rng.uniform(0.5, 1)), 2),
            )
        )  # fmt: skip
    return found
