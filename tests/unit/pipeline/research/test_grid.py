"""Grids: what people type becomes checked variants, and what can't be is said in one line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import BadRequestError, SetupError
from pipeline.research.grid import Dimension, Grid, read_grid
from pipeline.research.template import Template
from pipeline.research.values import value_text
from pipeline.research.words import find_word, short_name
from pipeline.setups.rules import parse_setup
from tests.kit.setups import TEXTS

TEMPLATES = {file: Template(text, file, "1.0") for file, text in TEXTS.items()}
FRANK = TEMPLATES["Frank_raid_v1.yaml"]


def values(name, text, template=FRANK):
    return read_grid([(name, text)], template).dimensions[0].values


@pytest.mark.parametrize(
    ("name", "text", "path", "wanted"),
    [
        ("min_gap_atr", "0.1..0.3/0.1", "tools.gaps.min_gap_atr", (0.1, 0.2, 0.3)),
        ("gaps.min_gap_atr", "0,1..0,3/0,1", "tools.gaps.min_gap_atr", (0.1, 0.2, 0.3)),
        ("reclaim_minutes", "10..35/10", "tools.raids.reclaim_minutes", (10, 20, 30)),
        ("rr", "3|1|1.5|1", "targets.0.tp", (1, 1.5, 3)),
        ("targets.0.tp", "1..2/1|4", "targets.0.tp", (1, 2, 4)),
        ("steps.2.max_bars", "5|3", "steps.2.max_bars", (3, 5)),
        ("reclaim.max_bars", "5", "steps.2.max_bars", (5,)),
        ("bars", "-20..-10/5", "steps.3.born.bars", (-20, -15, -10)),
        ("raids.end", "9:30..10:30/30", "tools.raids.end", ("09:30", "10:00", "10:30")),
        ("flat_at", "12:00|17:25", "limits.flat_at", ("12:00", "17:25")),
        ("max_hold_minutes", "none|60", "limits.max_hold_minutes", ("none", 60)),
        ("limit_entry", "on|off", "use.limit_entry", (True, False)),
        ("use", "none|limit_entry+opposite_edge", "use", ("none", "limit_entry+opposite_edge")),
        ("confluences.0.required", "on|off", "confluences.0.required", (True, False)),
        ("BUFFER_ATR", "0.1", "stop.buffer_atr", (0.1,)),
    ],
)
def test_values_are_read(name, text, path, wanted):
    if wanted[0] == "none" and path != "use":
        wanted = (None, *wanted[1:])
    dimension = read_grid([(name, text)], FRANK).dimensions[0]
    assert (dimension.path, dimension.values) == (path, wanted)


@pytest.mark.parametrize(
    ("name", "text", "says", "closest"),
    [
        ("min_gap", "1", "no parameter 'min_gap'", "min_gap_atr"),
        ("length", "5", "can be atr.length, atr_m15.length", "atr.length"),
        ("min_gap_atr", "abc", "min_gap_atr=abc can't be: should be a valid number", None),
        ("rr", "0..3/1", "rr=0 can't be: should be greater than 0", None),
        ("rr", "3..1/1", "3 is above 1", "rr=1..3/1"),
        ("rr", "1..3", "say in which steps", None),
        ("rr", "1..3/0", "a range is FIRST..LAST/STEP", "rr=0.1..0.5/0.1"),
        ("rr", "1..9999/0.01", "500 at most", None),
        ("use", "foo", "unknown variant 'foo'", "use=asia_range"),
        ("gaps.timeframe", "M7", "'M1', 'M5'", "gaps.timeframe=M1"),
        ("confluences.0.weight", "3", "change no trade", None),
        ("title", "x", "no parameter 'title'", None),
    ],
)
def test_what_can_not_be_says_so_in_one_line(name, text, says, closest):
    with pytest.raises(BadRequestError) as refused:
        values(name, text)
    assert says in refused.value.user_text
    assert "\n" not in refused.value.user_text
    if closest is not None:
        assert refused.value.closest[0] == closest


def test_the_whole_grid_is_bounded():
    with pytest.raises(BadRequestError, match=r"100 × 100 = 10,000 variants; .* at most 5,000"):
        read_grid([("rr", "1..10.9/0.1"), ("min_gap_atr", "0.01..1/0.01")], FRANK)
    with pytest.raises(BadRequestError, match="given twice"):
        read_grid([("rr", "1|2"), ("targets.0.tp", "3")], FRANK)
    seven = ("rr", "sl", "k", "bars", "min_gap_atr", "buffer_atr", "flat_at")
    with pytest.raises(BadRequestError, match="7 parameters"):
        read_grid([(name, "1") for name in seven], FRANK)


@pytest.mark.parametrize("file", TEXTS)
def test_every_word_is_found_by_its_path_and_its_short_name(file):
    template = TEMPLATES[file]
    for word in template.words:
        assert find_word(word.path, template.words) is word
        assert find_word(short_name(word, template.words), template.words) is word


@pytest.mark.parametrize("file", TEXTS)
def test_every_written_value_gives_the_setup_itself(file):
    """Varying a word to what the file says already changes nothing."""
    template = TEMPLATES[file]
    plain = template.plain
    assert plain.model_dump(exclude={"rule_version"}) == parse_setup(TEXTS[file], file).model_dump(
        exclude={"rule_version"}
    )
    written = [w for w in template.words if w.written and w.kind == "value"]
    assert len(written) > 10
    for word in written:
        assert template.variant({word.path: word.given}) == plain, word.path


def test_a_variant_is_what_the_changed_file_would_be():
    text = TEXTS["Frank_raid_v1.yaml"]
    changed = text.replace("min_gap_atr: 0.1}", "min_gap_atr: 0.25}").replace("tp: 2.0", "tp: 3")
    grid = read_grid([("rr", "2|3"), ("min_gap_atr", "0.1|0.25")], FRANK)
    assert grid.spec(FRANK, 3) == parse_setup(changed, "changed.yaml")
    assert grid.values(3) == {"rr": 3, "min_gap_atr": 0.25}
    assert grid.label(3) == "rr=3 min_gap_atr=0.25"


def test_named_variants_are_switched():
    text = TEXTS["Frank_raid_v1.yaml"]
    grid = read_grid([("limit_entry", "off|on"), ("use", "none|opposite_edge")], FRANK)
    used = [grid.spec(FRANK, i).use for i in range(4)]
    assert used == [(), ("opposite_edge",), ("limit_entry",), ("opposite_edge", "limit_entry")]
    both = parse_setup(text, "f", ("opposite_edge", "limit_entry"))
    assert grid.spec(FRANK, 3).model_dump() == both.model_dump()


def test_values_that_contradict_each_other_are_a_setup_error():
    grid = read_grid([("sweep.window.start", "09:00|10:45"), ("sweep.window.end", "10:30")], FRANK)
    grid.spec(FRANK, 0)
    with pytest.raises(SetupError, match="must start before it ends"):
        grid.spec(FRANK, 1)


def test_a_target_in_r_takes_the_place_of_one_at_a_price():
    template = TEMPLATES["IB_raid_v1.yaml"]
    assert template.plain.targets[0].at is not None
    first = template.variant({"targets.0.tp": 1.5}).targets[0]
    assert (first.tp, first.at, first.share) == (1.5, None, template.plain.targets[0].share)


GRIDS = st.lists(st.integers(1, 5), min_size=0, max_size=4).map(
    lambda shape: Grid(
        dimensions=tuple(
            Dimension(name=f"p{i}", path=f"p{i}", values=tuple(range(n)), ordered=True, depth=-i)
            for i, n in enumerate(shape)
        )
    )
)


@given(GRIDS)
def test_variants_are_numbered_without_gaps_in_either_order(grid):
    assert [grid.index(grid.cell(i)) for i in range(grid.size)] == list(range(grid.size))
    assert sorted(grid.order()) == list(range(grid.size))
    assert len({grid.label(i) for i in range(grid.size)}) == grid.size


def test_the_late_parameter_varies_fastest_in_the_order_of_work():
    grid = read_grid([("rr", "1|2"), ("min_gap_atr", "0.1|0.2")], FRANK)
    assert [grid.values(i)["rr"] for i in grid.order()] == [1, 2, 1, 2]


@settings(deadline=None, max_examples=25)
@given(st.decimals(0, 50, places=2), st.decimals("0.01", 5, places=2), st.integers(0, 20))
def test_ranges_have_no_rounding(first, step, count):
    found = values("min_gap_pct", f"{first}..{first + step * count}/{step}")
    assert list(found) == [float(first + step * i) for i in range(count + 1)]
    assert all(float(value_text(v)) == v for v in found)
