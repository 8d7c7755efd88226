"""What results rest on, and what of it differs between two of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.domain.comparison import RunFacts, SettingPair
from pipeline.setups.model import FieldChange

WORDS = {
    "data_hash": "the bars",
    "m1_hash": "the M1 bars",
    "news_hash": "the news calendar",
    "rule_hash": "the rules",
    "code_hash": "the program",
    "env": "the libraries",
}
"""Key of a run's provenance -> what it is the fingerprint of."""

SETTINGS = {"execution": "", "instrument": "instrument: "}
"""Key of a provenance that is itself a mapping -> what is said before its fields."""

_EFFECTIVE = frozenset({"commission", "swap", "slippage_points"})
"""Figures of an instrument that `execution` has as they were used."""

_ASIDE = frozenset({"dry_run", "analyze_with_llm"})


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return in words what of a result's foundations has changed; empty: nothing.

    Notes
    -----
    A fingerprint that an older program didn't keep counts as changed, a setting that it didn't
    keep as the same.
    """
    found = [words for key, words in WORDS.items() if before.get(key) != now.get(key)]
    return found + [told(pair) for pair in _settings(before, now)]


def told(pair: SettingPair) -> str:
    """Return a setting that differs as `slippage (1 → 2)`."""
    one, two = plain(pair.one), plain(pair.two)
    name = pair.field.replace("_", " ")
    return f"{name} ({one} → {two})" if one != two else name


def differing(
    one: RunFacts, two: RunFacts, rules: Sequence[FieldChange] = ()
) -> tuple[SettingPair, ...]:
    """Return what two runs don't share: what was asked, field by field, then what was given.

    Parameters
    ----------
    rules
        What changes between the two versions of the setup; of different setups nothing.

    Notes
    -----
    Bars are compared only where symbol, timeframe and period are the same, an instrument where
    the symbol is.
    """
    asked = ("setup_id", "rule_version", "symbol", "timeframe", "start", "end")
    found = [
        SettingPair(field=name, one=getattr(one, name), two=getattr(two, name))
        for name in asked
        if getattr(one, name) != getattr(two, name)
    ]
    found += [SettingPair(field=f"rules: {c.field}", one=c.old, two=c.new) for c in rules]
    found += [
        SettingPair(field=name, one=one.options.get(name), two=two.options.get(name))
        for name in dict.fromkeys([*one.options, *two.options])
        if name not in _ASIDE and one.options.get(name) != two.options.get(name)
    ]
    given = [dict(facts.provenance) for facts in (one, two)]
    if one.symbol != two.symbol:
        given = [{k: v for k, v in each.items() if k != "instrument"} for each in given]
    taken = {pair.field for pair in found}
    found += [pair for pair in _settings(*given) if pair.field not in taken]
    words = ["code_hash", "env"]
    if not taken & {"symbol", "timeframe", "start", "end"}:
        words += ["data_hash", "m1_hash", "news_hash"]
    found += [
        SettingPair(field=WORDS[key], one="one state", two="another")
        for key in WORDS
        if key in words and given[0].get(key) != given[1].get(key)
    ]
    return tuple(found)


def _settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[SettingPair]:
    """Yield the fields in which the mappings of two provenances differ."""
    for key, lead in SETTINGS.items():
        old, new = before.get(key), now.get(key)
        if not isinstance(old, Mapping) or not isinstance(new, Mapping):
            continue
        for name in old:
            if key == "instrument" and name in _EFFECTIVE:
                continue
            if name in new and old[name] != new[name]:
                yield SettingPair(field=f"{lead}{name}", one=old[name], two=new[name])


def plain(value: Any) -> str:
    """Return a setting's value as people read it; a long list as what it spans."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if (
        isinstance(value, list | tuple)
        and value
        and all(isinstance(v, int | float) for v in value)
    ):
        low, high = min(value), max(value)
        return f"{low:g}" if low == high else f"{low:g} to {high:g}"
    return f"{value:g}" if isinstance(value, float) else str(value)
