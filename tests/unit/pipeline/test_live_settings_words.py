"""What may stand behind /live, what it wishes, and what is said of the rest."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.command_words import KnownSetup, KnownWords
from pipeline.domain.errors import BadRequestError
from pipeline.domain.live import Gate
from pipeline.domain.market import ZONES, Timeframe
from pipeline.domain.watch import LiveRules, Mute, Quiet, Watch
from pipeline.live.wishes import (
    DropGate,
    MuteSetup,
    SetCooldown,
    SetGate,
    SetHeartbeat,
    SetLimits,
    SetQuiet,
    SetSound,
    SetWeekend,
    SetZone,
    SwitchOff,
    SwitchOn,
    UnmuteSetup,
)
from pipeline.live_settings_words import Look, parse_live, role_needed
from pipeline.live_values import zone_of

M1, M5, M15 = Timeframe.M1, Timeframe.M5, Timeframe.M15
KNOWN = KnownWords(
    (
        KnownSetup("Frank_raid_v1", M1, (M1, M5), ("GER40", "EURUSD")),
        KnownSetup("IB_raid_v1", M5, (M5,), ("GER40",)),
    ),
    ("EURUSD", "GBPUSD", "GER40"),
    {"DAX": "GER40"},
)
NOW = datetime(2025, 6, 11, 20, tzinfo=UTC)  # 22:00 in Berlin
EVERYTHING = SwitchOn(((), (), ()))


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("/live", Look()),
        ("/live@scout_bot status", Look()),
        ("/live ON", SwitchOn()),
        ("/live on all", EVERYTHING),
        ("/live on m15 dax 5m frankraid_v1 eur/usd M5", SwitchOn((("GER40", "EURUSD"), (M5, M15), ("Frank_raid_v1",)))),
        ("/live on GER40,EURUSD", SwitchOn((("GER40", "EURUSD"), (), ()))),
        ("/live off", SwitchOff()),
        ("/live quiet 22:00-07:00", SetQuiet(Quiet(start="22:00", end="07:00"))),
        ("/live quiet 22:00 – 7", SetQuiet(Quiet(start="22:00", end="07:00"))),
        ("/live quiet 2230 to 630", SetQuiet(Quiet(start="22:30", end="06:30"))),
        ("/live quiet 22-24:00", SetQuiet(Quiet(start="22:00", end="00:00"))),
        ("/live quiet off", SetQuiet(None)),
        ("/live sound review=off outcome=silent", SetSound((("review", "off"), ("outcome", "silent")))),
        ("/live sound approved = on, feed=LOUD", SetSound((("approved", "loud"), ("feed", "loud")))),
        ("/live weekend on", SetWeekend(watched=True)),
        ("/live weekend off", SetWeekend(watched=False)),
        ("/live heartbeat 8", SetHeartbeat("08:00")),
        ("/live heartbeat 08:30", SetHeartbeat("08:30")),
        ("/live heartbeat off", SetHeartbeat("")),
        ("/live zone Europe/London", SetZone("Europe/London")),
        ("/live zone new york", SetZone("America/New_York")),
        ("/live zone utc", SetZone("UTC")),
        ("/live limit 20", SetLimits(hour=20)),
        ("/live limit hour=30 minute=5", SetLimits(30, 5)),
        ("/live mute Frank_raid_v1 1h", MuteSetup("Frank_raid_v1", timedelta(hours=1))),
        ("/live mute frankraidv1 2 d", MuteSetup("Frank_raid_v1", timedelta(days=2))),
        ("/live mute Frank_raid_v1 today", MuteSetup("Frank_raid_v1", "today")),
        ("/live mute Frank_raid_v1", MuteSetup("Frank_raid_v1", "forever")),
        ("/live unmute IB_raid_v1", UnmuteSetup("IB_raid_v1")),
        ("/live unmute all", UnmuteSetup(None)),
        ("/live gate Frank_raid_v1 confidence=0.6 score=0,55 review=40%", SetGate("Frank_raid_v1", 0.6, 0.55, 0.4)),
        ("/live gate all review=0.3", SetGate("", review_from=0.3)),
        ("/live gate Frank_raid_v1 off", DropGate("Frank_raid_v1")),
        ("/live cooldown 30", SetCooldown(30)),
        ("/live cooldown 7.5 min", SetCooldown(7.5)),
        ("/live cooldown off", SetCooldown(0)),
    ],
)  # fmt: skip
def test_wishes_in_words(text, wish):
    assert parse_live(text, KNOWN) == wish


BAD = [
    ("/live of", "live", "of", "off", "/live off"),
    ("/live on GER4", "symbol", "GER4", "GER40", "/live on GER40"),
    ("/live on GER40 M3", "timeframe", "M3", "M5", "/live on GER40 M5"),
    ("/live on franc_raid_v1", "setup_id", "franc_raid_v1", "Frank_raid_v1", "/live on Frank_raid_v1"),
    ("/live off now", "live", "now", None, None),
    ("/live quiet 22:00", "quiet", "22:00", "22:00-07:00", "/live quiet 22:00-07:00"),
    ("/live quiet 25:00-07:00", "quiet", "25:00-07:00", "22:00-07:00", "/live quiet 22:00-07:00"),
    ("/live quiet 07:00-07:00", "quiet", "07:00-07:00", "22:00-07:00", "/live quiet 22:00-07:00"),
    ("/live quiet", "quiet", "", "22:00-07:00", "/live quiet 22:00-07:00"),
    ("/live sound revue=off", "sound", "revue=off", "review=off", "/live sound review=off"),
    ("/live sound review=silnt", "review", "review=silnt", "review=silent", "/live sound review=silent"),
    ("/live sound review", "live", "review", "review=silent", "/live sound review=silent"),
    ("/live sound", "live", "", "review=silent", "/live sound review=silent"),
    ("/live weekend perhaps", "weekend", "perhaps", "off", "/live weekend off"),
    ("/live heartbeat 24:30", "heartbeat", "24:30", "08:00", "/live heartbeat 08:00"),
    ("/live heartbeat", "heartbeat", "", "08:00", "/live heartbeat 08:00"),
    ("/live zone Europe/Berln", "zone", "Europe/Berln", "Europe/Berlin", "/live zone Europe/Berlin"),
    ("/live zone Londn", "zone", "Londn", "Europe/London", "/live zone Europe/London"),
    ("/live limit 0", "max_per_hour", "0", "1", "/live limit 1"),
    ("/live limit 5000", "max_per_hour", "5000", "1000", "/live limit 1000"),
    ("/live limit many", "max_per_hour", "many", "10", "/live limit 10"),
    ("/live limit day=5", "limit", "day=5", "hour=5", "/live limit hour=5"),
    ("/live mute", "setup_id", "", "Frank_raid_v1", "/live mute Frank_raid_v1"),
    ("/live mute Frank_raid 1h", "setup_id", "Frank_raid", "Frank_raid_v1", "/live mute Frank_raid_v1 1h"),
    ("/live mute Frank_raid_v1 soon", "mute", "soon", "1h", "/live mute Frank_raid_v1 1h"),
    ("/live mute Frank_raid_v1 0h", "mute", "0h", "1h", "/live mute Frank_raid_v1 1h"),
    ("/live unmute Frank", "setup_id", "Frank", "Frank_raid_v1", "/live unmute Frank_raid_v1"),
    ("/live gate Frank_raid_v1", "live", "", "confidence=0.7", "/live gate Frank_raid_v1 confidence=0.7"),
    ("/live gate Frank_raid_v1 confidence=7", "min_confidence", "confidence=7", "confidence=1", "/live gate Frank_raid_v1 confidence=1"),
    ("/live gate Frank_raid_v1 score=good", "min_ml_score", "score=good", "score=0.7", "/live gate Frank_raid_v1 score=0.7"),
    ("/live gate Frank_raid_v1 confidense=0.6", "gate", "confidense=0.6", "confidence=0.6", "/live gate Frank_raid_v1 confidence=0.6"),
    ("/live cooldown -5", "cooldown_minutes", "-5", "15", "/live cooldown 15"),
    ("/live cooldown soon", "cooldown_minutes", "soon", "15", "/live cooldown 15"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "field", "value", "closest", "corrected"), BAD)
def test_mistakes_name_field_value_and_fix(text, field, value, closest, corrected):
    with pytest.raises(BadRequestError) as caught:
        parse_live(text, KNOWN)
    error = caught.value
    assert (error.field, error.value) == (field, value)
    assert error.closest[:1] == ((closest,) if closest else ())
    if corrected:
        assert closest in error.user_text
        assert error.corrected == corrected
        parse_live(error.corrected, KNOWN)


@given(
    st.text(max_size=40), st.sampled_from(["", "on ", "quiet ", "sound ", "gate all ", "zone "])
)
def test_any_text_is_a_wish_or_a_refusal(text, verb):
    try:
        parse_live(f"/live {verb}{text}", KNOWN)
    except BadRequestError as error:
        assert error.user_text and error.field


@pytest.mark.parametrize("zone", sorted(ZONES)[::17])
def test_every_zone_is_known_by_its_name_in_any_case(zone):
    assert zone_of(zone.upper()).lower() == zone.lower()


def test_looking_is_for_all_changing_for_traders_gates_for_the_owner():
    roles = {
        "/live": "viewer", "/live status": "viewer", "/live on": "trader", "/live mute X": "trader",
        "/live nonsense": "trader", "/live replay GER40": "trader", "/live GATE all": "owner",
        "/live cooldown 5": "owner",
    }  # fmt: skip
    assert {text: role_needed(text) for text in roles} == roles


def test_what_isnt_named_stays_or_is_all():
    first = SwitchOn((("GER40",), (M5,), ("IB_raid_v1",))).change(Watch(chat_id=1), NOW)
    assert (first.symbols, first.timeframes, first.setups) == (("GER40",), (M5,), ("IB_raid_v1",))
    off = SwitchOff().change(first, NOW)
    assert not off.on
    assert SwitchOn().change(off, NOW) == first.model_copy(update={"heartbeat_from": NOW})
    again = SwitchOn((("EURUSD",), (), ())).change(off, NOW)
    assert (again.symbols, again.timeframes, again.setups) == (("EURUSD",), (), ())


def test_a_sound_leaves_the_others_and_a_digest_cant_be_off():
    watch = SetSound((("review", "off"),)).change(Watch(chat_id=1), NOW)
    assert (watch.sound["review"], watch.sound["approved"]) == ("off", "loud")
    assert SetSound((("approved", "off"),)).change(watch, NOW).sound["review"] == "off"
    with pytest.raises(BadRequestError, match="digest=off would drop"):
        SetSound((("digest", "off"),)).change(watch, NOW)


def test_mutes_end_when_they_say():
    watch = Watch(chat_id=1, muted={"old": Mute(until=NOW), "kept": Mute()})
    hour = MuteSetup("a", timedelta(hours=1)).change(watch, NOW)
    assert hour.muted == {"kept": Mute(), "a": Mute(until=NOW + timedelta(hours=1))}
    today = MuteSetup("a", "today").change(watch, NOW)
    assert today.muted["a"].until == datetime(2025, 6, 11, 22, tzinfo=UTC)  # midnight in Berlin
    assert MuteSetup("a").change(watch, NOW).muted["a"].until is None
    assert UnmuteSetup("a").change(hour, NOW).muted == {"kept": Mute()}
    assert UnmuteSetup(None).change(hour, NOW).muted == {}


def test_gates_build_on_what_holds_and_fall_back():
    rules = SetGate("", min_confidence=0.8).change(LiveRules())
    assert rules.gate("any") == Gate(min_confidence=0.8)
    own = SetGate("a", min_ml_score=0.5).change(rules)
    assert own.gate("a") == Gate(min_confidence=0.8, min_ml_score=0.5)
    assert own.gate("b") == Gate(min_confidence=0.8)
    assert DropGate("a").change(own).gate("a") == Gate(min_confidence=0.8)
    assert DropGate("").change(rules).gate("a") == Gate()
    with pytest.raises(BadRequestError, match=r"review=0\.9 is above confidence=0\.8"):
        SetGate("a", review_from=0.9).change(rules)
    assert SetCooldown(5).change(own).cooldown_minutes == 5


def test_the_most_that_may_be_said_is_what_settings_take():
    watch = parse_live("/live limit hour=1000 minute=60", KNOWN).change(Watch(chat_id=1), NOW)
    Watch.model_validate(watch.model_dump())
    rules = parse_live("/live cooldown 1440", KNOWN).change(LiveRules())
    LiveRules.model_validate(rules.model_dump())
