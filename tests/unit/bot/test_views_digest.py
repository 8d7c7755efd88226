"""A digest lists every held signal once, in messages that Telegram takes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.layout import MESSAGE_LIMIT
from bot.texts import en_alert as en
from bot.views_alert import outcome
from bot.views_digest import PAGE, Row, page
from tests.kit.bar_strategies import GER40
from tests.kit.live_signals import hand_made
from tests.unit.bot.test_views import accepted
from tests.unit.bot.test_views_alert import records, things, words


@st.composite
def rows(draw, number):
    record = draw(st.none() | records())
    name = f"sig_live_{number:03d}"
    kept = record and record.model_copy(update={"signal_id": name})
    return Row(name, kept, draw(things))


@given(st.data(), st.integers(1, 30), words)
@settings(max_examples=60, deadline=None)
def test_every_signal_is_listed_once_whatever_it_holds(data, count, why):
    held = [data.draw(rows(n)) for n in range(count)]
    reasons = {row.signal_id: why for row in held[::2]}
    told, texts = 0, []
    while told < count:
        view, listed = page(held[told:], reasons, first=told + 1, total=count)
        accepted(view, MESSAGE_LIMIT)
        assert 1 <= listed <= PAGE
        assert len(view.entities) <= 100
        texts.append(view.text)
        told += listed
        assert view.text.endswith(en.DIGEST_MORE), "nothing was cut"
    whole = "\n".join(texts)
    assert all(whole.count(f"{row.signal_id}\n") == 1 for row in held)


def test_a_line_says_what_one_wants_to_know():
    record = hand_made(symbol="GER40", entry=22000.0, risk=20.0)
    row = Row("sig_live_007", record.model_copy(update={"signal_id": "sig_live_007"}), GER40)
    view, _ = page([row], {"sig_live_007": "quiet"}, first=1, total=1)
    assert view.text.splitlines() == [
        "While it was quiet, 1 signal",
        "",
        "2025-03-10 09:00 UTC · APPROVED · quiet hours",
        "LONG GER40 M5 · Frank_raid_v1 v1.0",
        "Entry 22000.0 · Stop 21980.0 · Target 22040.0",
        "Waiting for its entry",
        "sig_live_007",
        "",
        en.DIGEST_MORE,
    ]
    assert [b.text for line in view.keyboard.inline_keyboard for b in line] == [
        "Show sig_live_007"
    ]


@given(records(), things)
@settings(max_examples=100, deadline=None)
def test_any_outcome_is_accepted(record, thing):
    accepted(outcome(record, thing), 1024)
