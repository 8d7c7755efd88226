"""Reads what a person typed after /live to change what is watched and how alerts come."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, get_args

from pipeline.command_words import KnownWords, closest_words, timeframe_of
from pipeline.commands import TIMEFRAME, nearest_length, words_in
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.watch import AlertKind, Loudness, Quiet
from pipeline.live.wishes import (
    DropGate,
    MuteSetup,
    RuleWish,
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
    Wish,
)
from pipeline.live_values import (
    OFF,
    clock_word,
    corrected,
    each,
    listed,
    mute_for,
    no_more,
    number,
    once,
    pairs,
    refusal,
    share,
    zone_of,
)

ROLES: Final[Mapping[str, str]] = dict.fromkeys(("", "status", "help"), "viewer") | dict.fromkeys(
    ("gate", "cooldown"), "owner"
)
"""The role that a word behind /live needs; all others: trader."""

ALL: Final = "all"
_ON: Final = {"on", "yes"}
_LOUDNESS: Final[Mapping[str, Loudness]] = {
    **{word: word for word in get_args(Loudness)},
    "on": "loud", "sound": "loud", "quiet": "silent", "none": "off", "no": "off",
}  # fmt: skip
_KINDS: Final[Mapping[str, AlertKind]] = {
    **{word: word for word in get_args(AlertKind)},
    "outcomes": "outcome", "reviews": "review", "digests": "digest",
}  # fmt: skip
_GATE: Final = {
    "confidence": "min_confidence",
    "min_confidence": "min_confidence",
    "score": "min_ml_score",
    "ml": "min_ml_score",
    "min_ml_score": "min_ml_score",
    "review": "review_from",
    "review_from": "review_from",
}
_LIMITS: Final = {"hour": 1000, "minute": 60}


@dataclass(frozen=True)
class Look:
    """Asks how things stand, or (`words`) what can be said."""

    words: bool = False


def parse_live(text: str, known: KnownWords) -> Look | Wish | RuleWish:
    """Return what `text` wishes; without words behind /live it asks how things stand.

    Raises
    ------
    BadRequestError
        Naming the field, the value, the closest valid values and a corrected command.
    """
    words = words_in(text)
    verb = words[0].lower() if words else "status"
    try:
        if verb not in _VERBS:
            near = closest_words(verb, (*_VERBS, "replay")) or ("status", "on", "off")
            raise refusal("live", words[0], f"/live doesn't know {words[0]!r}", near)
        return _VERBS[verb](words[1:], known)
    except BadRequestError as error:
        error.corrected = error.corrected or corrected(words, error)
        raise


def role_needed(text: str) -> str:
    """Return the role that a /live command needs."""
    words = words_in(text)
    return ROLES.get(words[0].lower() if words else "", "trader")


def _on(words: Sequence[str], known: KnownWords) -> SwitchOn:
    if not words:
        return SwitchOn()
    symbols: list[str] = []
    timeframes: list[Timeframe] = []
    setups: list[str] = []
    for word in listed(words):
        if (setup := known.setup(word)) is not None:
            setups.append(setup.setup_id)
        elif (symbol := known.symbol(word)) is not None:
            symbols.append(symbol)
        elif (timeframe := timeframe_of(word)) is not None:
            timeframes.append(timeframe)
        elif word.lower() != ALL:
            raise _unknown_watched(word, known)
    kept = sorted(set(timeframes), key=lambda t: t.minutes)
    return SwitchOn((once(symbols), tuple(kept), once(setups)))


def _unknown_watched(word: str, known: KnownWords) -> BadRequestError:
    setups, symbols = tuple(s.setup_id for s in known.setups), (*known.symbols, *known.aliases)
    if TIMEFRAME.fullmatch(word):
        near = nearest_length(word, tuple(Timeframe))
        return refusal("timeframe", word, f"unknown timeframe {word!r}", near)
    near_setups, near_symbols = closest_words(word, setups), closest_words(word, symbols)
    if near_setups and not near_symbols:
        return refusal("setup_id", word, f"unknown setup {word!r}", near_setups)
    named = once([known.symbol(s) or s for s in near_symbols]) or (*known.symbols[:3], ALL)
    return refusal("symbol", word, f"unknown symbol {word!r}", named)


def _off(words: Sequence[str], known: KnownWords) -> SwitchOff:
    del known
    no_more(words)
    return SwitchOff()


def _look(words: Sequence[str], known: KnownWords) -> Look:
    del known
    no_more(words)
    return Look()


def _help(words: Sequence[str], known: KnownWords) -> Look:
    del known
    no_more(words)
    return Look(words=True)


def _quiet(words: Sequence[str], known: KnownWords) -> SetQuiet:
    del known
    text = "".join(words).lower()
    if text in OFF:
        return SetQuiet(None)
    ends = [clock_word(part) for part in re.split(r"-|\.\.|to", text)]
    match ends:
        case [str(start), str(end)] if start != end:
            return SetQuiet(Quiet(start=start, end=end))
    wrong = "quiet hours go from one time of the day to another"
    raise refusal("quiet", " ".join(words), wrong, ("22:00-07:00", "off"))


def _sound(words: Sequence[str], known: KnownWords) -> SetSound:
    del known
    found: dict[AlertKind, Loudness] = {}
    for name, value in pairs(words, "review=silent"):
        kind, how = _KINDS.get(name), _LOUDNESS.get(value)
        if kind is None:
            near = closest_words(name, get_args(AlertKind)) or get_args(AlertKind)
            raise refusal("sound", f"{name}={value}", f"unknown kind {name!r}", each(near, value))
        if how is None:
            near = closest_words(value, get_args(Loudness)) or get_args(Loudness)
            raise refusal(
                kind, f"{name}={value}", f"{name} can't be {value!r}", each((name,), *near)
            )
        found[kind] = how
    return SetSound(tuple(found.items()))


def _weekend(words: Sequence[str], known: KnownWords) -> SetWeekend:
    del known
    word = " ".join(words).lower()
    if word not in _ON | OFF:
        raise refusal("weekend", word, "weekend is on (watched) or off (a pause)", ("off", "on"))
    return SetWeekend(word in _ON)


def _heartbeat(words: Sequence[str], known: KnownWords) -> SetHeartbeat:
    del known
    word = " ".join(words).lower()
    clock = "" if word in OFF else clock_word(word)
    if clock is None:
        raise refusal("heartbeat", word, "heartbeat takes a time of the day", ("08:00", "off"))
    return SetHeartbeat(clock)


def _zone(words: Sequence[str], known: KnownWords) -> SetZone:
    del known
    return SetZone(zone_of("_".join(words)))


def _limit(words: Sequence[str], known: KnownWords) -> SetLimits:
    del known
    if len(words) == 1 and "=" not in words[0]:
        words = [f"hour={words[0]}"]
    found: dict[str, int] = {}
    for name, value in pairs(words, "hour=10"):
        if name not in _LIMITS:
            raise refusal(
                "limit", f"{name}={value}", f"unknown limit {name!r}", each(tuple(_LIMITS), value)
            )
        found[name] = _count(name, value, _LIMITS[name])
    return SetLimits(**found)


def _count(name: str, value: str, most: int) -> int:
    """Return a whole number from 1 to `most`."""
    given = number(value)
    if given is not None and given == int(given) and 1 <= given <= most:
        return int(given)
    near = min(max(round(given), 1), most) if given is not None else 10
    text = f"limit {value}: it takes a whole number from 1 to {most}"
    raise refusal(f"max_per_{name}", value, text, (str(near),))


def _mute(words: Sequence[str], known: KnownWords) -> MuteSetup:
    setup, rest = _setup_first(words, known)
    return MuteSetup(setup, mute_for(" ".join(rest)) if rest else "forever")


def _unmute(words: Sequence[str], known: KnownWords) -> UnmuteSetup:
    if [w.lower() for w in words] in ([], [ALL]):
        return UnmuteSetup(None)
    setup, rest = _setup_first(words, known)
    no_more(rest)
    return UnmuteSetup(setup)


def _gate(words: Sequence[str], known: KnownWords) -> SetGate | DropGate:
    setup, rest = _setup_first(words, known, every=True)
    if [w.lower() for w in rest] in (["off"], ["default"]):
        return DropGate(setup)
    found: dict[str, float] = {}
    for name, value in pairs(rest, "confidence=0.7"):
        if name not in _GATE:
            near = closest_words(name, tuple(_GATE)) or ("confidence", "score", "review")
            raise refusal("gate", f"{name}={value}", f"a gate has no {name!r}", each(near, value))
        found[_GATE[name]] = share(_GATE[name], name, value)
    return SetGate(setup, **found)


def _setup_first(
    words: Sequence[str], known: KnownWords, *, every: bool = False
) -> tuple[str, list[str]]:
    """Return the setup that the first word names and the other words; `every`: "all" is "" too."""
    setups = tuple(s.setup_id for s in known.setups)
    if not words:
        raise refusal("setup_id", "", "which setup", setups)
    if every and words[0].lower() == ALL:
        return "", list(words[1:])
    setup = known.setup(words[0])
    if setup is None:
        near = closest_words(words[0], setups) or setups
        raise refusal("setup_id", words[0], f"unknown setup {words[0]!r}", near)
    return setup.setup_id, list(words[1:])


def _cooldown(words: Sequence[str], known: KnownWords) -> SetCooldown:
    del known
    word = " ".join(words).lower()
    minutes = 0.0 if word in OFF else number(re.sub(r"\s*m(in(utes?)?)?$", "", word))
    if minutes is None or not 0 <= minutes <= 1440:  # noqa: PLR2004 (a day)
        text = f"cooldown {word!r}: it takes minutes from 0 to 1440"
        raise refusal("cooldown_minutes", word, text, ("15", "off"))
    return SetCooldown(minutes)


_VERBS: Final[Mapping[str, Callable[[Sequence[str], KnownWords], Look | Wish | RuleWish]]] = {
    "on": _on,
    "off": _off,
    "status": _look,
    "help": _help,
    "quiet": _quiet,
    "sound": _sound,
    "weekend": _weekend,
    "heartbeat": _heartbeat,
    "zone": _zone,
    "limit": _limit,
    "mute": _mute,
    "unmute": _unmute,
    "gate": _gate,
    "cooldown": _cooldown,
}
