"""Everything about one signal: found by what people type, told, drawn; each part by itself."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from flows.case_book import CaseBook
from flows.cli_signal import _signal
from flows.inspecting import (
    find_signal,
    inspected,
    longer_picture,
    nearest_pictures,
    raw_values,
)
from flows.inspecting_text import headline, lines_of
from pipeline.domain.errors import BadRequestError, DataError, NoBarsError
from pipeline.domain.live import AlertFor, DecisionKind, LifeState, Similar
from pipeline.domain.market import Timeframe
from tests.kit.live_bars import minutes_of, see
from tests.kit.live_signals import CLOSE, hand_made
from tests.kit.live_week import ended
from tests.kit.plain_services import NOW, InlineCpu, plain_services, wavy_bars

M5 = Timeframe.M5
COOLDOWN = timedelta(minutes=15)
AT = CLOSE.replace(month=7, day=21)  # in the middle of the held bars' later part


@pytest.fixture
async def services(tmp_path):
    async with plain_services(tmp_path, cpu=InlineCpu(draw=True)) as given:
        await given.bars.merge("EURUSD", M5, wavy_bars(90), source="test", now=NOW)
        yield given


async def admitted(services, at=AT, chat=5, **changes):
    draft = hand_made(at, setup_id="Asia_sweep_engulf_v1", **changes)
    alerts = [AlertFor(chat_id=chat)] if chat else []
    kept = await services.signals.admit(draft, alerts, cooldown=COOLDOWN, now=services.clock())
    return kept.record


@pytest.mark.parametrize(
    "text", ["sig_live_001", "SIG_LIVE_001", " sig live 001 ", "live 1", "1", "001"]
)
async def test_a_signal_is_found_by_what_people_type(services, text):
    record = await admitted(services)
    assert (await find_signal(text, services)).signal_id == record.signal_id == "sig_live_001"


async def test_an_unknown_one_is_refused_with_the_nearest(services):
    with pytest.raises(BadRequestError, match="come with /live on") as none:
        await find_signal("7", services)
    assert none.value.closest == ()
    for n in range(3):
        await admitted(services, AT + n * timedelta(hours=1))
    with pytest.raises(BadRequestError) as refused:
        await find_signal("sig_live_0022", services)
    assert refused.value.closest[0] == "sig_live_002"
    assert refused.value.corrected == "/signal sig_live_002"
    for nonsense in ("", "Frank_raid_v1", "sig_live_", "9" * 40, "'; drop table"):
        with pytest.raises(BadRequestError) as refused:
            await find_signal(nonsense, services)
        assert set(refused.value.closest) <= {"sig_live_001", "sig_live_002", "sig_live_003"}


async def test_all_that_is_known_is_told(services):
    record = await admitted(services)
    second = await admitted(services, AT + timedelta(minutes=5))
    assert second.decision.decision is DecisionKind.SUPPRESSED
    await services.signals.accepted(record.signal_id, 5, 77, AT + timedelta(seconds=1.4))
    life = ended(record, 1.87)
    await services.signals.live_on(record.signal_id, life, now=services.clock())
    found = await inspected(await find_signal(record.signal_id, services), services)
    text = "\n".join(lines_of(found))
    assert headline(found) == (
        "sig_live_001 · EURUSD M5 LONG · Asia_sweep_engulf_v1 v1.0 · 2025-07-21 10:00"
    )
    for words in (
        "Approved (decided by: rules)",
        "Confidence: rules 0.80, model no say, analyst no say",
        "Entry 1.10000 at the market, stop 1.09900 (1 R = 10.0 points)",
        "Target 1.10200 (+2.00 R)",
        "filled 10:00 at 1.10000, left 10:30 at 1.10187 at the target: +1.87 R",
        "Nobody has answered it.",
        "Chat 5: accepted by Telegram 1.40 s after it",
        "data +1.00 s → found +0.00 s → decided +0.00 s",
        "Cooldown until 10:15 by today's rules; it kept sig_live_002 silent",
        "1. 09:40 → 09:55 sweep: 1.09900 – 1.10000",
        "No model was deployed: the rules alone decided.",
        "Analyst: no text.",
        "They were not counted yet",
        "Clock: Europe/London",
    ):
        assert words in text, words
    silent = "\n".join(lines_of(await inspected(second, services)))
    assert "Suppressed by the cooldown (decided by: cooldown)" in silent
    assert "cooldown until 09:15 UTC after sig_live_001" in silent
    assert "No chat has it." in silent


async def test_similar_cases_and_texts_are_told_where_there_are_any(services):
    like = Similar(cases=23, reached=10, rate=10 / 23, se=0.1, mean_r=0.12, alike="long")
    draft = hand_made(AT, setup_id="Asia_sweep_engulf_v1")
    draft = draft.model_copy(update={"similar": like, "ml_score": 0.63})
    kept = await services.signals.admit(draft, [], cooldown=COOLDOWN, now=services.clock())
    await services.signals.note_extra(
        kept.record.signal_id,
        {"text": "Looks tired.", "link": "https://x.test/1"},
        services.clock(),
    )
    record = await find_signal("1", services)
    text = "\n".join(lines_of(await inspected(record, services)))
    assert "23 cases, 43 % ± 10 reached the target, +0.12 R on average (alike: long)" in text
    assert "model 0.63" in text
    assert "Analyst: Looks tired." in text
    assert "Journal: https://x.test/1" in text


async def test_the_longer_chart_is_drawn_from_held_bars_or_from_those_seen(services):
    record = await admitted(services)
    found = await inspected(record, services)
    assert (await longer_picture(found, services))[:4] == b"\x89PNG"
    await services.bars.remove("EURUSD", M5)
    with pytest.raises(NoBarsError, match="No bars of EURUSD H1 are held"):
        await longer_picture(found, services)
    start = AT - timedelta(hours=8)
    await see(services, minutes_of(*([0.1, -0.2, 0.3] * 200), start=start))
    assert (await longer_picture(found, services))[:4] == b"\x89PNG"


async def test_the_nearest_are_pictures_of_cases_that_had_ended(services):
    record = await admitted(services)
    near = await nearest_pictures(await inspected(record, services), services)
    assert len(near) == 10
    assert all(item.png and item.png[:4] == b"\x89PNG" for item in near)
    assert all(item.near.case.resolved_at <= AT for item in near)
    early = await admitted(services, AT.replace(month=5, day=2))
    assert await nearest_pictures(await inspected(early, services), services) == []
    other = await admitted(services, symbol="GER40", entry=20_000.0, risk=10.0)
    with pytest.raises(DataError, match="no bars are held"):
        await nearest_pictures(await inspected(other, services), services)


async def test_a_case_whose_bars_are_gone_is_still_told(services):
    record = await admitted(services)
    found = await inspected(record, services)
    whole = await nearest_pictures(found, services)
    await services.bars.remove("EURUSD", M5)
    late = wavy_bars(90)
    late = late[late["open_time"] >= whole[0].near.case.signal.known_at - timedelta(days=2)]
    await services.bars.merge("EURUSD", M5, late.reset_index(drop=True), source="test", now=NOW)
    part = await nearest_pictures(found, services)
    assert [p.near.case.signal for p in part] == [w.near.case.signal for w in whole]
    assert part[0].png
    assert any(p.png is None for p in part)


async def test_raw_values_are_all_of_it(services):
    record = await admitted(services, chat=None, kind=DecisionKind.REJECTED)
    raw = json.loads(await raw_values(await inspected(record, services), services))
    assert raw["signal_id"] == "sig_live_001"
    assert raw["signal"]["trace"][0]["price_low"] == record.signal.trace[0].price_low
    assert raw["plan"]["targets"][0]["share"] == 1.0
    assert raw["life"]["state"] == LifeState.WAITING
    assert (raw["alerts"], raw["evaluation"], raw["silenced"]) == ([], None, [])


async def test_setup_and_symbol_that_are_no_more_hinder_no_words(services):
    record = await admitted(services, symbol="XYZ")
    record = record.model_copy(
        update={"signal": record.signal.model_copy(update={"setup_id": "Gone_v1"})}
    )
    found = await inspected(record, services)
    assert found.instrument is None
    assert "Entry 1.1 at the market, stop 1.099" in "\n".join(lines_of(found))
    with pytest.raises(DataError, match="XYZ"):
        await longer_picture(found, services)


async def test_the_command_line_tells_the_same_and_writes_files(services, tmp_path, capsys):
    record = await admitted(services)
    assert await _signal("1", tmp_path / "out", services) == 0
    told = capsys.readouterr().out
    assert told.startswith(headline(await inspected(record, services)))
    assert told.count("(0.") + told.count("(1.") + told.count("(2.") >= 10
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [
        *(f"case_{n:02d}.png" for n in range(1, 11)),
        "sig_live_001.json", "sig_live_001_longer.png",
    ]  # fmt: skip
    await services.bars.remove("EURUSD", M5)
    services.archive._files.clear()
    assert await _signal("1", tmp_path / "again", replace(services, cases=CaseBook())) == 0
    told = capsys.readouterr().out
    assert "No chart on longer bars: No bars of EURUSD" in told
    assert "Past cases most like it: No past cases" in told
