"""The A/B report and the alarm over live outcomes: what counts, when it is told, and how often."""

from datetime import timedelta

import numpy as np
import pytest

from flows.ab import ENOUGH, ab_lines, ab_report, send_ab_reports
from flows.chores import CHORES
from flows.score_alarm import watch_scores
from flows.scored import ended_with_scores
from pipeline.domain.live import LIVE, DecisionKind, Life, LifeState
from pipeline.domain.trade import ExitReason
from tests.kit.deliveries import texts_owed
from tests.kit.live_signals import hand_made
from tests.kit.plain_services import plain_services
from tests.kit.scorers import deployed
from tests.unit.bot.test_views_alert import trade_of

OWNER = 9
DAY = timedelta(days=1)


@pytest.fixture
async def services(tmp_path):
    async with plain_services(tmp_path, owner_ids=(OWNER,), timezone="UTC") as given:
        yield given


async def lived(
    services, number, scores, won, *, origin=LIVE, ended=True, kind=DecisionKind.APPROVED
):
    """Keep one scored signal, four a day, and let it end."""
    at = services.clock().replace(hour=0, minute=0, second=0, microsecond=0)
    known = at + (number // 4) * DAY + timedelta(hours=1 + number % 4)
    draft = hand_made(known, origin=origin, kind=kind).model_copy(
        update={
            "scores": scores,
            "model": next(iter(scores), ""),
            "ml_score": next(iter(scores.values()), None),
        }
    )
    kept = await services.signals.admit(draft, [], cooldown=timedelta(0), now=services.clock())
    if ended:
        reason = ExitReason.TP if won else ExitReason.SL
        trade = trade_of(2.0 if won else -1.0, reason, known)
        life = Life(state=LifeState.CLOSED, as_of=known + timedelta(minutes=5), trade=trade)
        assert await services.signals.live_on(kept.record.signal_id, life, now=services.clock())


async def outcomes(services, count, *, seed=1, champion=0.1, challenger=0.9, **more):
    """Keep outcomes of which the scores know so much; the clock goes on behind them."""
    rng = np.random.default_rng(seed)
    for n in range(count):
        truth = rng.uniform(0.1, 0.9)
        won = rng.random() < truth
        scores = {
            "v1.0": 0.5 + champion * (truth - 0.5) + (1 - champion) * rng.uniform(-0.3, 0.3),
            "v2.0": 0.5 + challenger * (truth - 0.5),
        }
        await lived(services, n, scores, won, **more)
    services.clock.now += (count // 4 + 2) * DAY


async def test_without_a_challenger_there_is_nothing_to_compare(services):
    assert "no champion" in ab_lines(await ab_report(services))[0]
    await deployed(services, "v1.0")
    assert "no challenger" in ab_lines(await ab_report(services))[0]


async def test_before_enough_outcomes_only_their_number_is_told(services):
    await deployed(services, "v1.0", "v2.0", ab=True)
    await outcomes(services, ENOUGH - 1)
    report = await ab_report(services)
    assert (report.outcomes, report.comparison) == (ENOUGH - 1, None)
    assert ab_lines(report)[1].startswith(f"{ENOUGH - 1} of {ENOUGH} outcomes")
    assert await send_ab_reports(services, services.clock()) == 0


async def test_a_better_challenger_is_told_weekly_and_promoted_by_nobody(services):
    await deployed(services, "v1.0", "v2.0", ab=True)
    await outcomes(services, 300)
    before = await services.models.standing("signal_classifier")
    lines = ab_lines(await ab_report(services))
    assert lines[0].startswith("Champion v1.0, challenger v2.0: both score")
    assert lines[-1].startswith("By every figure the challenger was better")
    assert "300 ended signals on 75 days" in lines[1]
    for hours in (0, 1, 24 * 7):
        services.clock.now += timedelta(hours=hours)
        await send_ab_reports(services, services.clock())
    said = await texts_owed(services)
    assert [chat for chat, _ in said] == [OWNER, OWNER]
    assert said[0][1].startswith("A/B of the week\nChampion v1.0")
    assert await services.models.standing("signal_classifier") == before


async def test_switched_off_it_is_not_told_by_itself(services):
    await deployed(services, "v1.0", "v2.0", ab=False)
    await outcomes(services, ENOUGH)
    assert "not compared now" in ab_lines(await ab_report(services))[0]
    assert await send_ab_reports(services, services.clock()) == 0


async def test_what_counts_is_every_scored_live_end_whatever_was_decided(services):
    scores = {"v1.0": 0.6, "v2.0": 0.4}
    since = services.clock() - DAY
    await lived(services, 0, scores, won=True)
    await lived(services, 1, scores, won=False, kind=DecisionKind.REJECTED)
    await lived(services, 2, scores, won=True, origin="live_2026_01_01_001")
    await lived(services, 3, {"v1.0": 0.6}, won=True)
    await lived(services, 4, scores, won=True)
    await lived(services, 5, scores, won=True, ended=False)
    services.clock.now += 5 * DAY
    both = await ended_with_scores(("v1.0", "v2.0"), since, services.clock(), services)
    assert len(both) == 2  # the second day waits for the one that still runs
    one = await ended_with_scores(("v1.0",), since, services.clock(), services)
    assert len(one) == 3


async def test_a_champion_that_breaks_its_promise_is_called_once_and_stays(services):
    await deployed(services, "v1.0")
    for n in range(120):
        await lived(services, n, {"v1.0": 0.75}, won=n % 4 == 0)
    services.clock.now += 40 * DAY
    before = await services.models.standing("signal_classifier")
    for _ in range(3):
        await watch_scores(services, services.clock())
        services.clock.now += DAY
    (owed,) = await services.outbox.claim(services.clock(), lease=timedelta(minutes=1))
    in_use = {"model_id": "signal_classifier", "champion": "v1.0", "previous": ""}
    assert owed.payload["in_use"] == in_use
    await services.outbox.ack(owed.id, services.clock(), [1])
    assert await texts_owed(services) == []
    chat, text = owed.chat_id, owed.payload["text"]
    assert chat == OWNER
    assert text.startswith("⚠ Model v1.0 scores worse live than it promised.")
    assert "Brier 0.438 (promised: 0.230)" in text
    assert "0.75 on average, 0.25 reached" in text
    assert await services.models.standing("signal_classifier") == before


async def test_a_champion_that_keeps_its_promise_is_left_in_peace(services):
    await deployed(services, "v1.0")
    await outcomes(services, 200, champion=1.0)
    assert await watch_scores(services, services.clock()) == 0
    assert await texts_owed(services) == []


def test_both_are_chores():
    names = [chore.__name__ for chore, _ in CHORES]
    assert {"watch_scores", "send_ab_reports"} <= set(names)
