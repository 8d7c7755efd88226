"""What /live offers can be said, its buttons fit, and its card holds whatever is set."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from bot import keyboards_live, views_live
from bot.keyboards import ROLE_OF_PRESS
from bot.layout import MESSAGE_LIMIT, units
from bot.texts import en_live
from flows.health import Health
from flows.live_status import LiveStatus, replay_of
from flows.live_text import watch_said
from pipeline.command_words import KnownSetup, KnownWords
from pipeline.domain.live import Gate
from pipeline.domain.market import Timeframe
from pipeline.domain.report import Holding
from pipeline.domain.watch import AlertKind, LiveRules, Mute, Quiet, Watch
from pipeline.live import wishes
from pipeline.live.health import HealthLine, Light
from pipeline.live_commands import parse_replay
from pipeline.live_settings_words import parse_live

NOW = datetime(2025, 6, 11, 8, tzinfo=UTC)
M1 = Timeframe.M1
KNOWN = KnownWords((KnownSetup("Frank_raid_v1", M1, (M1, Timeframe.M5), ("GER40",)),), ("GER40",))
LONG_ID = "A_setup_with_a_name_that_is_longer_than_any_button_takes_and_then_some_v1"


def labels(view):
    return [b.text for line in view.keyboard.inline_keyboard for b in line]


@pytest.mark.parametrize("command", [command for command, _ in en_live.WORDS])
def test_every_offered_command_can_be_said(command):
    if command.startswith("/live replay"):
        parse_replay(command, KNOWN, NOW.date())
    else:
        parse_live(command, KNOWN)


def test_buttons_fit_and_have_a_role():
    watch = Watch(chat_id=1, muted={LONG_ID: Mute()})
    views = [
        views_live.sound(watch),
        views_live.mute(watch, ["Frank_raid_v1", LONG_ID], NOW),
        views_live.long(LONG_ID),
        views_live.status(a_status(watch, replay="/live replay GER40 2025-03-10 x60"), "t" * 12),
    ]
    pressed = [b for v in views for line in v.keyboard.inline_keyboard for b in line]
    assert len(pressed) > 15
    for each in pressed:
        assert len(each.callback_data.encode()) <= 64
        assert each.callback_data.split(":")[0] in ROLE_OF_PRESS


def a_status(watch, rules=None, replay=""):
    feed = HealthLine("feed", Light.GREEN, "unknown; no scanner is active")
    return LiveStatus(
        NOW, watch, rules or LiveRules(), feed, None, {}, connected=False, replay=replay
    )


def test_a_card_holds_whatever_is_set():
    watch = Watch(
        chat_id=1,
        symbols=tuple(f"SYMBOL{n}" for n in range(200)),
        muted={f"{LONG_ID}{n}": Mute(until=NOW + timedelta(hours=n + 1)) for n in range(60)},
    )
    rules = LiveRules(gates={f"{LONG_ID}{n}": Gate() for n in range(60)})
    view = views_live.status(a_status(watch, rules))
    assert units(view.text) <= MESSAGE_LIMIT
    assert labels(view)[0] == en_live.SWITCH_OFF


def test_a_replay_is_offered_by_its_day():
    view = views_live.status(a_status(Watch(chat_id=1), replay="/live replay GER40 2025-03-10 x60"), "t")  # fmt: skip
    assert "Replay GER40 2025-03-10" in labels(view)


def test_sounds_go_round_and_digests_are_never_off():
    for kind in get_args(AlertKind):
        seen = ["loud"]
        while len(seen) < 4:
            seen.append(keyboards_live.next_loudness(kind, seen[-1]))
        rest = ["silent", "loud", "silent"] if kind == "digest" else ["silent", "off", "loud"]
        assert seen[1:] == rest


def test_every_wish_is_confirmed_by_the_line_it_changed():
    made = {
        wishes.SwitchOn(): "all symbols · all timeframes · all setups",
        wishes.SetQuiet(Quiet(start="22:00", end="07:00")): "22:00–07:00",
        wishes.SetQuiet(None): "none",
        wishes.SetSound((("review", "off"),)): "your call off",
        wishes.SetWeekend(watched=True): "watched",
        wishes.SetHeartbeat("08:00"): "08:00",
        wishes.SetZone("Asia/Kolkata"): "Asia/Kolkata",
        wishes.SetLimits(3, 2): "3 alerts an hour, 2 a minute",
        wishes.MuteSetup("a", timedelta(hours=1)): "a until Wed 11:00",  # in Berlin
        wishes.MuteSetup("a"): "a",
        wishes.UnmuteSetup("a"): "none",
        wishes.SwitchOff(): "off; else all symbols",
    }
    for wish, part in made.items():
        title, words = watch_said(wish, wish.change(Watch(chat_id=1), NOW), NOW)
        assert title and part in words
    assert {type(wish) for wish in made} == set(get_args(wishes.Wish))


@pytest.mark.parametrize("light", Light)
def test_health_begins_with_the_worst(light):
    lines = (HealthLine("bot", Light.GREEN, "active"), HealthLine("disk", light, "room"))
    text = views_live.health(Health(NOW, lines)).text
    assert text.splitlines()[0] == en_live.HEALTH_TITLES[light]
    assert text.splitlines()[2] == f"{en_live.LIGHTS[light]} disk: room"


def holding(symbol, last, timeframe="M1", *, synthetic=False):
    return Holding(
        symbol=symbol, timeframe=timeframe, bars=9, first=NOW - timedelta(days=900), last=last,
        sources=("x",), synthetic=synthetic,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("held", "offered"),
    [
        ([("GER40", "2025-06-09T20:00", "M1")], "GER40 2025-06-09"),
        ([("GER40", "2025-06-10T07:00", "M1")], "GER40 2025-06-09"),  # only its morning is held
        ([("BTCUSD", "2025-06-08T20:00", "M1")], "BTCUSD 2025-06-06"),  # a Sunday
        ([("GER40", "2025-06-09T20:00", "M1"), ("EURUSD", "2025-06-10T20:00", "M1")], "EURUSD 2025-06-10"),
        ([("GER40", "2025-06-09T20:00", "M1"), ("EURUSD", "2025-06-10T20:00", "M5")], "GER40 2025-06-09"),
        ([("GER40", "2025-06-09T20:00", "M5"), ("EURUSD", "2025-06-10T20:00", "made")], "GER40 2025-06-09"),
        ([("EURUSD", "2025-06-10T20:00", "made")], "EURUSD 2025-06-10"),
        ([("EURUSD", "2025-06-10T20:00", "H1")], ""),
        ([], ""),
    ],
)  # fmt: skip
def test_the_newest_day_held_is_offered_for_a_replay(held, offered):
    holdings = [
        holding(symbol, datetime.fromisoformat(last).replace(tzinfo=UTC),
                "M1" if kind == "made" else kind, synthetic=kind == "made")
        for symbol, last, kind in held
    ]  # fmt: skip
    assert replay_of(holdings) == (f"/live replay {offered} x600" if offered else "")
