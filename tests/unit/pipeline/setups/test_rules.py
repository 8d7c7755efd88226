"""Setup files with mistakes: each is named by file, line, field and the words that were right."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import SetupError
from pipeline.setups.rules import difference, parse_setup
from tests.kit.setups import TEXTS

GOOD = TEXTS["Asia_sweep_engulf_v1.yaml"]
FRANK = TEXTS["Frank_raid_v1.yaml"]


def line_of(text, part):
    return text[: text.index(part)].count("\n") + 1


# old text, new text, field, a word of the message, a word among the valid ones
MISTAKES = [
    ("timeframe: M5\n", "timeframe: M7\n", "timeframe", "M1", "M15"),
    ("timeframe: M5\n", "timeframe: H1\n", "timeframe", "not among", "M5"),
    ("symbols: [GER40, EURUSD]", "symbols: []", "symbols", "at least 1", None),
    ("status: active", "status: on", "status", "draft", "archived"),
    ("zone: Europe/London\n\n", "zone: Europe/Londno\n\n", "zone", "unknown time zone", None),
    ("author: Setup Scout", "authro: Setup Scout", "authro", "did you mean 'author'", "author"),
    ("rule_version: 1.0", "rule_version: one", "rule_version", "match", None),
    ("setup_id: Asia_sweep_engulf_v1", "setup_id: ../x", "setup_id", "match", None),
    ("detector: engulfing", "detector: engulfng", "tools.engulf.detector", "did you mean", "engulfing"),
    ("levels: asia,", "levels: asai,", "tools.raids.levels", "gives events", "asia"),
    ("levels: asia, atr: atr", "levels: asia, atr: asia", "tools.raids.atr", "series", "atr"),
    ("levels: asia, ", "", "tools.raids", "needs 'levels", "asia"),
    ("length: 14", "lenght: 14", "tools.atr.lenght", "no parameter", "length"),
    ("length: 14", "length: fourteen", "tools.atr.length", "integer", None),
    ("session: asia", "session: tokyo", "tools.asia.session", "tokyo", None),
    ('start: "06:00"', 'start: "6 am"', "tools.raids.start", "6 am", None),
    ("event: penetrated", "event: pierced", "steps[1].event", "no event", "penetrated"),
    ("tool: engulf\n", "tool: engulfing\n", "steps[2].tool", "did you mean 'engulf'", "engulf"),
    ("of: range\n    take", "of: rnage\n    take", "steps[1].of", "earlier step", "range"),
    ('window: {start: "08:00"', 'window: {start: "8:00"', "steps[2].window.start", "HH:MM", None),
    ('end: "11:00"}\n    where', 'end: "07:00"}\n    where', "steps[2].window", "before it ends", None),
    ("of: sweep.level}", "of: sweep.levl}", "steps[2].where[0].of", "no field 'levl'", "level"),
    ("value: close, is: beyond", "value: close, is: above", "steps[2].where[0].is", "behind", "beyond"),
    ("of: sweep.level}", "of: sweep.day}", "steps[2].where[0].of", "no field 'day'", "level"),
    ("event: formed\n    draw: range", "event: formed\n    latest: true\n    draw: range", "steps[0].latest", "first step", None),
    ("tool: engulf\n", "tool: engulf\n    any: [{tool: engulf, event: formed}]\n", "steps[2].tool", "one of the two", "any"),
    ("draw: pattern", "draw: circle", "steps[2].draw", "pattern", "gap"),
    ("incomplete: range", "half: range", "steps[0].unless.half", "unknown event", "incomplete"),
    ("name: engulf\n", "name: sweep\n", "steps[2].name", "taken", None),
    ("per: atr, min: 0.5", "per: art, min: 0.5", "confluences[1].per", "series", "atr"),
    ("weight: 1, value: sweep.depth_atr", "weight: 0, value: sweep.depth_atr", "confluences[0].weight", "greater", None),
    ("entry: {type: market}", "entry: {type: stop}", "entry.type", "limit", "market"),
    ("entry: {type: market}", "entry: {type: limit}", "entry.at", "limit needs", None),
    ("atr: atr, buffer_atr", "buffer_atr", "stop.atr", "which series", "atr"),
    ("behind: sweep.running_extreme", "behind: sweep", "stop.behind", "no field", "extreme"),
    ("- {tp: 2.0}", "- {tp: two}", "targets[0].tp", "number", None),
    ("- {tp: 2.0}", "- {tp: -2}", "targets[0].tp", "greater", None),
    ("- {tp: 2.0}", "- {share: 1}", "targets[0]", "one of the two", "tp"),
    ("- {tp: 2.0}", "- {tp: 2.0, share: 0.5}", "targets", "add up", None),
    ("sl: 1.0", "sl: 0", "sl", "greater", None),
    ("per_side_and_day: 1", "per_side_and_day: many", "limits.per_side_and_day", "integer", None),
    ('flat_at: "16:25"', "flat_at: 25:00", "limits.flat_at", "HH:MM", None),
    ("context: {volatility: atr}", "context: {volatility: vix}", "context.volatility", "unknown tool", "atr"),
    ("context: {volatility: atr}", "use: [fancy]", "use", "unknown variant", None),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "field", "word", "valid"), MISTAKES)
def test_a_mistake_is_named_by_file_line_field_and_words(old, new, field, word, valid):
    assert GOOD.count(old) >= 1, old
    text = GOOD.replace(old, new, 1)
    with pytest.raises(SetupError) as caught:
        parse_setup(text, "mine.yaml")
    error = caught.value
    assert error.file == "mine.yaml"
    assert error.field == field
    assert word in error.user_text
    assert error.user_text.startswith(f"mine.yaml:{error.line}: {field}: ")
    assert "\n" not in error.user_text
    if valid is not None:
        assert valid in error.valid
    around = line_of(GOOD, old)
    assert around <= error.line <= around + old.count("\n") or field.count(".") == 0


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "list of"),
        ("- a\n- b\n", "list of"),
        ("just words", "list of"),
        ("a: [1, 2", "not YAML"),
        ("a: 1\na: 2\n", "given twice"),
        ("a: &x 1\nb: *x\n", "anchors"),
        ("a: *x\n", "anchors"),
        ("a: !!python/object:os.system 1\n", "tags"),
        ("a: " + "[" * 40 + "]" * 40, "deeper"),
        ("a: [" + "1," * 5000 + "]", "more than 4000"),
        ("a: " + "x" * 70_000, "longer than 64 KB"),
        ("a: 1\n---\nb: 2\n", "one document"),
        ("? [a, b]\n: 1\n", "before the colon"),
        ('a: "\\UFFFFFFFF"\n', "not YAML"),
        ("a: \x00\n", "not YAML"),
        ("a: \ud800\n", "YAML"),
        ("a: 1\n", "setup_id: is missing"),
    ],
)
def test_what_is_no_setup_file(text, word):
    with pytest.raises(SetupError) as caught:
        parse_setup(text, "mine.yaml")
    if word != "setup_id: is missing":
        assert word in caught.value.user_text or "unknown word" in caught.value.user_text
    assert caught.value.user_text.startswith("mine.yaml")


def test_billion_laughs_are_refused_at_once():
    lines = ['a0: &a0 ["x","x"]'] + [f"a{i}: &a{i} [*a{i - 1},*a{i - 1}]" for i in range(1, 40)]
    with pytest.raises(SetupError, match="anchors"):
        parse_setup("\n".join(lines), "bomb.yaml")


def test_a_circle_of_tools_is_refused():
    text = GOOD.replace(
        "engulf:  {detector: engulfing}",
        "engulf:  {detector: engulfing}\n"
        "  one: {detector: raid, levels: two, atr: atr}\n"
        "  two: {detector: raid, levels: one, atr: atr}",
    )
    with pytest.raises(SetupError, match="circle") as caught:
        parse_setup(text, "mine.yaml")
    assert caught.value.field == "tools.one"


def test_a_broken_variant_is_found_though_it_is_off():
    text = FRANK.replace("tools.frankfurt.session: asia", "tools.frankfurt.session: moon")
    with pytest.raises(SetupError, match="moon"):
        parse_setup(text, "mine.yaml")
    text = FRANK.replace("tools.frankfurt.session: asia", "tools.nowhere.session: asia")
    with pytest.raises(SetupError, match="no path") as caught:
        parse_setup(text, "mine.yaml")
    assert caught.value.line == line_of(text, "tools.nowhere.session")


def test_variants_are_switched_on_by_the_file_or_by_the_caller():
    by_file = parse_setup(FRANK.replace("use: []", "use: [limit_entry]"), "a")
    by_call = parse_setup(FRANK, "a", ("limit_entry",))
    assert by_file == by_call
    assert by_file.entry.type == "limit"
    assert parse_setup(FRANK, "a").entry.type == "market"
    both = parse_setup(FRANK, "a", ("limit_entry", "asia_range"))
    assert both.entry.type == "limit"
    assert both.tools["frankfurt"].settings["session"] == "asia"


def test_times_need_no_quotes_and_versions_keep_their_digits():
    text = GOOD.replace('"11:00"', "11:00").replace('"08:00"', "08:00")
    text = text.replace("rule_version: 1.0", "rule_version: 1.10")
    spec = parse_setup(text, "a")
    assert spec.steps[2].window is not None
    assert spec.steps[2].window.end == "11:00"
    assert spec.rule_version == "1.10"


def test_difference_is_field_by_field():
    old = parse_setup(GOOD, "a")
    new = parse_setup(GOOD.replace("tp: 2.0", "tp: 2.5").replace("length: 14", "length: 20"), "a")
    changed = {(c.field, c.old, c.new) for c in difference(old, new)}
    assert changed == {("targets[0].tp", 2.0, 2.5), ("tools.atr.settings.length", 14, 20)}
    assert difference(None, new) == ()
    assert difference(old, old) == ()


@pytest.mark.parametrize("levels", ["gaps", "structure", "swings", "frankfurt", "raids", "atr"])
def test_odd_mixes_of_tools_parse_or_are_setup_errors(levels):
    with suppress(SetupError):
        parse_setup(FRANK.replace("levels: frankfurt", f"levels: {levels}"), "odd.yaml")
    with suppress(SetupError):
        parse_setup(FRANK.replace("swings: swings", f"swings: {levels}"), "odd.yaml")


YAML_LIKE = st.text(
    st.one_of(st.sampled_from(list("{}[]:,-#&*!|>'\"%@? \n\tab10.~")), st.characters()),
    max_size=200,
)


@given(YAML_LIKE)
@settings(max_examples=100, deadline=None)
def test_any_text_parses_or_is_a_setup_error(text):
    with pytest.raises(SetupError):
        parse_setup(text, "any.yaml")


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_damage_to_a_good_file_parses_or_is_a_setup_error(data):
    at = data.draw(st.integers(0, len(GOOD)))
    cut = data.draw(st.integers(0, 30))
    text = GOOD[:at] + data.draw(YAML_LIKE)[:12] + GOOD[at + cut :]
    with suppress(SetupError):
        parse_setup(text, "damaged.yaml")


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10),
    st.lists(st.integers(), max_size=3), st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)  # fmt: skip


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_value_in_any_line_parses_or_is_a_setup_error(data):
    lines = GOOD.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    head = lines[at].partition(":")[0]
    lines[at] = f"{head}: {data.draw(SCALARS)!r}"
    with suppress(SetupError):
        parse_setup("\n".join(lines), "any.yaml")
