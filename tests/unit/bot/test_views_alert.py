"""Whatever a signal holds, Telegram takes its alert, and what matters is never cut."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import views_alert
from bot.caption import Part, ranked, signed
from bot.layout import CAPTION_LIMIT, units
from bot.sandbox.entities import given_entities, tidy
from bot.texts import en_alert as en
from pipeline.domain.live import (
    AlertSent,
    Answer,
    DecisionKind,
    Life,
    LifeState,
    Paper,
    Receipt,
    Similar,
)
from pipeline.domain.market import Side
from pipeline.domain.signal import TraceStep
from pipeline.domain.trade import ExitReason, Missed, Trade
from tests.kit.bar_strategies import EURUSD, GER40
from tests.kit.live_signals import CLOSE, hand_made
from tests.unit.bot.test_views import accepted

words = st.text(max_size=400)
number = st.floats(allow_nan=True, allow_infinity=True, width=32)
moments = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
things = st.sampled_from([None, EURUSD, GER40])
SECOND = timedelta(seconds=1)


@st.composite
def steps(draw):
    return TraceStep(
        step=draw(words), kind="sweep", event=draw(words), start=CLOSE, known_at=draw(moments),
        price_low=draw(number), price_high=draw(number), note=draw(words),
        values=draw(st.dictionaries(words, st.none() | number | words, max_size=6)),
    )  # fmt: skip


def trade_of(rr: float, reason=ExitReason.TP, at: datetime = CLOSE) -> Trade:
    return Trade(
        trade_id="t", signal_id="s", side=Side.LONG, entry_time=at, entry_price=1.1,
        exit_time=at, exit_price=1.2, exit_reason=reason, sl_price=1.0, tp_price=1.2, lots=1.0,
        pnl_points=1.0, pnl=1.0, rr=rr, mae=0.0, mfe=0.0, cost=0.0, ambiguous=False,
        rr_worst=rr, rr_best=rr,
    )  # fmt: skip


@st.composite
def lives(draw):
    state = draw(st.sampled_from(LifeState))
    missed = state in (LifeState.EXPIRED, LifeState.VOID, LifeState.REFUSED)
    closed = state is LifeState.CLOSED
    reason = draw(words | st.sampled_from(ExitReason))
    return Life(
        state=state,
        as_of=CLOSE,
        entry_time=draw(moments) if state is LifeState.OPEN or closed else None,
        entry_price=draw(number) if state is LifeState.OPEN or closed else None,
        first_target_at=draw(st.none() | moments),
        trade=trade_of(draw(number)) if closed else None,
        missed=Missed(signal_id="s", reason=reason, at=draw(st.none() | moments), note=draw(words))
        if missed and draw(st.booleans())
        else None,
    )


@st.composite
def records(draw):
    targets = draw(st.sampled_from([(1.102,), (1.101, 1.102)]))
    record = hand_made(side=draw(st.sampled_from(Side)), targets=targets)
    names = {
        "symbol": draw(words), "setup_id": draw(words), "rule_version": draw(words),
        "trace": tuple(draw(st.lists(steps(), max_size=12))), "entry_price": draw(number),
        "sl_price": draw(number),
    }  # fmt: skip
    decision = record.decision.model_copy(
        update={
            "decision": draw(st.sampled_from(DecisionKind)),
            "reasons": tuple(draw(st.lists(words, max_size=6))),
        }
    )
    life, answer = draw(lives()), draw(st.none() | answers())
    extra = draw(st.dictionaries(words, words | st.integers(), max_size=3))
    similar = st.builds(
        Similar, cases=st.integers(0, 10**6), rate=st.none() | number, se=st.none() | number,
        mean_r=st.none() | number,
    )  # fmt: skip
    return record.model_copy(
        update={
            "signal_id": "sig_live_123456", "run_id": draw(words), "decision": decision,
            "signal": record.signal.model_copy(update=names), "life": life, "answer": answer,
            "paper": draw(st.none() | st.builds(Paper, plan=st.just(record.plan), life=lives())),
            "ml_score": draw(st.none() | number), "similar": draw(st.none() | similar),
            "origin": draw(st.sampled_from(["live", "live_2025_03_10_001"])),
            "extra": {
                **extra, "text": draw(words), "link": draw(words | st.just("https://x.org/a")),
                "comment:1:2": {"name": draw(words), "text": draw(words)}, "comment:1:3": None,
            },
        }
    )  # fmt: skip


def answers():
    return st.builds(
        Answer, choice=st.sampled_from(["approved", "rejected"]), user_id=st.just(1), name=words,
        at=moments, comment=words,
    )  # fmt: skip


SENT = AlertSent(signal_id="x", chat_id=1, message_id=2, accepted_at=CLOSE + 3 * SECOND)


class TestAnySignal:
    @given(records(), things, st.none() | st.just(SENT), st.booleans())
    @settings(max_examples=300, deadline=None)
    def test_is_accepted_and_shows_its_ticket(self, record, thing, sent, photo):
        view = views_alert.alert(record, thing, sent, photo=photo)
        accepted(view, CAPTION_LIMIT if photo else 4096)
        # the sandbox refuses what Telegram refuses
        tidy(view.text, given_entities([e.model_dump(exclude_none=True) for e in view.entities]))
        assert record.signal_id in view.text
        assert en.KINDS[record.decision.decision] in view.text
        assert (en.REPLAY in view.text.splitlines()[0]) == (record.origin != "live")
        for word in (en.ENTRY, en.STOP, en.TARGET):
            assert f"\n{word} " in view.text
        assert view.keyboard is not None
        data = [b.callback_data or "" for line in view.keyboard.inline_keyboard for b in line]
        ended = record.answer is not None or record.life.state.ended
        assert any(d.startswith("tk:") for d in data) is not ended
        assert any(d.startswith("in:") for d in data)
        assert any(d.startswith("mu:") for d in data)


class TestRanked:
    @given(
        st.lists(st.tuples(st.integers(0, 4), st.text(max_size=200), st.booleans()), max_size=20),
        st.integers(100, 1024),
    )
    @settings(max_examples=200, deadline=None)
    def test_nothing_goes_while_something_less_important_stays(self, lines, limit):
        parts = [Part(r, f"{i:03d}{t}", folded=f) for i, (r, t, f) in enumerate(lines)]
        view = ranked(parts, limit=limit, more="… {n} more")
        assert units(view.text) <= limit
        kept = [p.rank for p in parts if str(p.body)[:3] in view.text]
        gone = [p.rank for p in parts if str(p.body)[:3] not in view.text]
        if sum(units(str(p.body)) + 1 for p in parts if p.rank == 0) < limit - 40:
            assert 0 not in gone
            assert not kept or not gone or max(kept) <= min(gone) or set(kept) & set(gone)

    def test_the_quote_says_how_much_is_missing(self):
        parts = [Part(0, "head"), *(Part(2, "x" * 30, folded=True) for _ in range(10))]
        view = ranked(parts, limit=150, more="… {n} more")
        assert view.text.splitlines()[-1] == f"… {10 - view.text.count('x' * 30)} more"
        assert [e.type for e in view.entities] == ["expandable_blockquote"]


def text_of(**changes) -> str:
    record = hand_made(symbol="GER40", entry=22000.0, risk=20.0, confidence=0.78)
    record = record.model_copy(update={"signal_id": "sig_live_007", **changes})
    return plain(views_alert.alert(record, GER40))


def plain(view) -> str:
    return view.text.replace("\u00a0", " ")


class TestWords:
    def test_a_fresh_alert(self):
        assert text_of().splitlines()[:8] == [
            "APPROVED",
            "LONG GER40 M5 · Frank_raid_v1 v1.0",
            "",
            "Entry 22000.0 at market",
            "Stop 21980.0  −1 R = 20.0 points, 0.09 %",
            "Target 22040.0  +2.0 R = 40.0 points, 0.18 %",
            "",
            "Waiting for its entry",
        ]

    def test_two_targets_have_their_shares(self):
        record = hand_made(entry=22000.0, risk=20.0, targets=(22020.0, 22060.0))
        text = plain(views_alert.alert(record, GER40))
        assert "Target 1 22020.0  +1.0 R = 20.0 points, 0.09 % for 50 %" in text
        assert "Target 2 22060.0  +3.0 R = 60.0 points, 0.27 % for 50 %" in text

    def test_confidence_score_and_the_past(self):
        assert "Confidence 0.78, no model deployed: the rules alone decided" in text_of()
        assert "Confidence 0.78, score 0.66" in text_of(ml_score=0.66)
        past = Similar(cases=23, reached=14, rate=14 / 23, se=0.1, mean_r=0.34)
        line = "23 similar past cases: 61 % ± 10 reached the target, +0.34 R on average"
        assert line in text_of(similar=past)
        assert en.NO_CASES in text_of(similar=Similar(cases=0))

    @pytest.mark.parametrize(
        ("life", "line"),
        [
            (Life(), "Waiting for its entry"),
            (
                Life(state=LifeState.OPEN, entry_time=CLOSE, entry_price=22001.5),
                "Filled at 22001.5, 09:00 UTC",
            ),
            (
                Life(state=LifeState.CLOSED, trade=trade_of(1.9)),
                "Closed +1.9 R at target, 09:00 UTC",
            ),
            (
                Life(state=LifeState.CLOSED, trade=trade_of(-1.02, ExitReason.SL)),
                "Closed −1.0 R at stop, 09:00 UTC",
            ),
            (
                Life(
                    state=LifeState.VOID,
                    missed=Missed(signal_id="s", reason="VOID", at=CLOSE, note="structure broke"),
                ),
                "Void, never filled: structure broke, 09:00 UTC",
            ),
        ],
    )
    def test_the_state_line_follows_its_life(self, life, line):
        assert line in text_of(life=life).splitlines()
        paper = Paper(plan=hand_made().plan, life=life)
        assert f"{en.PAPER}: {line}" in text_of(paper=paper).splitlines()

    def test_who_answered_when_and_why(self):
        answer = Answer(choice="rejected", user_id=1, name="Ann", at=CLOSE, comment="news at 10")
        text = text_of(answer=answer)
        assert "Rejected by Ann, 2025-03-10 09:00 UTC: news at 10" in text

    def test_a_call_says_why_it_is_one(self):
        text = text_of(
            decision=hand_made(kind=DecisionKind.REVIEW_REQUIRED).decision.model_copy(
                update={"reasons": ("confidence 0.62 below 0.70",)}
            )
        )
        assert text.startswith("YOUR CALL\n")
        assert "confidence 0.62 below 0.70" in text

    def test_the_receipt_adds_up_and_grows_by_its_last_step(self):
        at = [CLOSE + timedelta(seconds=s) for s in (0, 0.4, 0.5, 0.5, 0.8)]
        receipt = Receipt(
            closed_at=at[0], data_at=at[1], detected_at=at[2], decided_at=at[3], drawn_at=at[4]
        )
        record = hand_made().model_copy(update={"receipt": receipt})
        line = "close → data 0.4 → found 0.1 → decided 0.0 → chart 0.3"
        assert views_alert.receipt(record, None) == f"{line} s"
        sent = SENT.model_copy(update={"accepted_at": CLOSE + timedelta(seconds=1)})
        assert views_alert.receipt(record, sent) == f"{line} → Telegram 0.2 s"
        early = record.model_copy(
            update={"receipt": receipt.model_copy(update={"data_at": CLOSE - SECOND})}
        )
        assert "data 0.0" in views_alert.receipt(early, None)

    def test_the_buttons_copy_bare_prices(self):
        view = views_alert.alert(hand_made(entry=1.1, risk=0.001), EURUSD)
        copied = [
            b.copy_text.text
            for line in view.keyboard.inline_keyboard
            for b in line
            if b.copy_text is not None
        ]
        assert copied == ["1.10000", "1.09900", "1.10200"]

    def test_the_time_of_the_close_is_each_readers_own(self):
        view = views_alert.alert(hand_made(), EURUSD)
        dates = [e for e in view.entities if e.type == "date_time"]
        assert int(CLOSE.timestamp()) in [e.unix_time for e in dates]

    def test_signs(self):
        rng = np.random.default_rng(1)
        for value in rng.normal(0, 3, 50):
            assert float(signed(value).replace("−", "-")) == pytest.approx(value, abs=0.051)
        assert signed(-0.01) == "0.0"
