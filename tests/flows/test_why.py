"""/why from words to an answer: on memory ports, and through the chat."""

import json
from datetime import date

import pytest

from flows import control
from flows.why import why
from flows.why_text import headline, lines_of, short_lines
from pipeline.domain.errors import BadRequestError
from pipeline.domain.request import Actor, Channel
from tests.kit.plain_services import InlineCpu, plain_services

CHAT = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)
SETUP = "Asia_sweep_engulf_v1"


@pytest.fixture
async def services(tmp_path):
    async with plain_services(tmp_path, cpu=InlineCpu(draw=True)) as given:
        yield given


async def signals_of(services):
    run = await control.launch_text(f"{SETUP} EURUSD M5 2025-05-12..2025-05-30", CHAT, services)
    await services.launcher.wait(run.run_id)
    report = (await services.runs.get(run.run_id)).report
    kept = json.loads(await services.archive.get(f"results/{report['run_id']}_trades.json"))
    return report, kept["signals"]


async def test_every_day_agrees_with_the_backtest(services):
    report, signals = await signals_of(services)
    days = [signal["day"] for signal in signals]
    assert days
    for number in range(12, 31):
        day = date(2025, 5, number)
        if day.weekday() >= 5:
            continue
        (answer,) = await why(f"EURUSD {day} {SETUP} M5", services)
        complete = [c for c in answer.found.cases if c.complete]
        assert len(complete) == days.count(day.isoformat()), day
    (period,) = await why(f"EURUSD 2025-05-12..2025-05-30 {SETUP}", services)
    assert period.found.signals == len(signals)
    funnel = [step.model_dump(mode="json") for step in period.found.funnel]
    assert [(s["days"], s["lost"]) for s in funnel] == [
        (s["days"], s["lost"]) for s in report["funnel"]
    ]


async def test_an_answer_reads_gate_by_gate_and_has_a_picture(services):
    _, signals = await signals_of(services)
    moment = signals[0]["known_at"]
    (answer,) = await why(f"EURUSD {moment[:16]}Z {SETUP}", services)
    assert headline(answer).startswith(f"EURUSD M5 {SETUP} v1.0, as of {moment[:10]}")
    lines = lines_of(answer)
    assert lines[0] in ("LONG: a signal", "SHORT: a signal")
    assert [line[0] for line in lines[1:5]] == ["✓"] * 4
    assert answer.png[:4] == b"\x89PNG"
    (before,) = await why(f"EURUSD {moment[:10]}T05:00Z {SETUP}", services)
    assert lines_of(before)[0].endswith("no signal yet")
    assert len(await services.runs.newest(10)) == 1, "a question is no run"


async def test_without_a_setup_all_active_ones_of_the_symbol_answer_in_short(services):
    answers = await why("EURUSD 2025-05-14", services)
    specs = await services.setups.active()
    assert [a.found.setup_id for a in answers] == [
        s.setup_id for s in specs if "EURUSD" in s.symbols
    ]
    assert all(a.png is None for a in answers)
    # Bars of M5 are held: a setup of M1 is asked on M5, one of M15 on M15.
    assert {a.found.timeframe for a in answers} == {"M5", "M15"}
    assert len(short_lines(answers)) >= len(answers)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            f"EURUSD 2024-01-10 {SETUP}",
            "No bars of EURUSD are held on Wednesday 2024-01-10. Held: M5",
        ),
        (f"EURUSD 2025-05-14 {SETUP} H1", "runs on M1, M5, M15, not on H1"),
        (f"EURUSD 2020-01-01..2025-05-14 {SETUP}", "Three years at most"),
        ("XAUUSD 2025-05-14", "No active setup is made for XAUUSD"),
    ],
)
async def test_what_can_not_be_answered_is_said(services, text, words):
    with pytest.raises(BadRequestError, match=words):
        await why(text, services)
