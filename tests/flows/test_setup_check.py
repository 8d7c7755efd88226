"""A sent setup: what is wrong, what it would do on held bars, and adding it under a version."""

import pytest

from flows.setup_check import add_setup, added_words, check_setup, text_of_file
from flows.setup_check_text import check_lines
from pipeline.domain.errors import SetupError
from pipeline.domain.request import Actor, Channel
from storage.memory_setups import MemorySetupStore
from tests.kit.chat import at
from tests.kit.plain_services import InlineCpu, plain_services
from tests.kit.setups import TEXTS

ADA = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5, name="Ada L.")
MINE = TEXTS["Asia_sweep_engulf_v1.yaml"].replace("setup_id: Asia_sweep", "setup_id: My_sweep")


@pytest.fixture
async def services(tmp_path):
    async with plain_services(tmp_path, cpu=InlineCpu(draw=True)) as given:
        yield at(given, setups=MemorySetupStore(library=TEXTS))


async def test_what_it_would_do_is_shown_and_nothing_written(services):
    checked = await check_setup(MINE, "mine.yaml", ADA, services)
    assert (checked.symbol, checked.timeframe, checked.version) == ("EURUSD", "M5", "1.0")
    assert checked.may_be_added
    tried = checked.tried
    assert tried.days == 22
    assert len(tried.charts) == min(5, tried.signals) == 5
    assert all(png[:4] == b"\x89PNG" for png, _ in tried.charts)
    assert tried.funnel[:4] == b"\x89PNG"
    assert [row.title for row in tried.rows][-1] == "Signal"
    lines = check_lines(checked)
    assert lines[1].startswith("Tried on EURUSD M5, 2025-04-02 – 2025-05-31: ")
    assert services.setups.files == {}
    assert await services.setups.versions("My_sweep_engulf_v1") == []


async def test_it_is_added_signed_by_who_taps(services):
    version = await add_setup(MINE, "mine.yaml", ADA, services, "tighter window")
    assert (version.author, version.reason, version.rule_version) == (
        "Ada L.",
        "tighter window",
        "1.0",
    )
    assert added_words(version)[1] == "Its status is active: it can be tested from now on."
    again = await check_setup(MINE.replace("tp: 2.0", "tp: 3.0"), "mine.yaml", ADA, services)
    assert again.version == "1.1"
    trail = await services.audit.newest(1)
    assert (trail[0].action, trail[0].verdict) == ("setup_added", "accepted")
    assert trail[0].what["setup_id"] == "My_sweep_engulf_v1"


async def test_the_same_text_again_is_not_offered(services):
    await add_setup(MINE, "mine.yaml", ADA, services)
    again = await check_setup(MINE, "mine.yaml", ADA, services)
    assert again.version is None and not again.may_be_added
    assert check_lines(again)[-1] == "This very text is in your library already."


async def test_a_draft_stays_one_and_is_told_so(services):
    version = await add_setup(MINE.replace("status: active", "status: draft"), "m", ADA, services)
    assert version.status == "draft"
    assert "not offered or run live" in added_words(version)[1]
    assert "My_sweep_engulf_v1" not in [s.setup_id for s in await services.setups.active()]


async def test_a_built_ins_name_is_refused_with_a_fix_before_anything(services):
    text = TEXTS["Frank_raid_v1.yaml"]
    with pytest.raises(SetupError, match="such as My_Frank_raid_v1"):
        await check_setup(text, "f.yaml", ADA, services)
    with pytest.raises(SetupError, match="such as My_Frank_raid_v1"):
        await add_setup(text, "f.yaml", ADA, services)
    assert (await services.audit.newest(1))[0].verdict == "refused"
    assert services.setups.files == {}


async def test_mistakes_name_file_and_line(services):
    with pytest.raises(SetupError, match=r"mine\.yaml:\d+: .*did you mean 'max_bars'"):
        await check_setup(MINE.replace("max_bars:", "maxbars:", 1) if "max_bars:" in MINE else
                          MINE.replace("    missing:", "    maxbars: 3\n    missing:", 1),
                          "mine.yaml", ADA, services)  # fmt: skip
    with pytest.raises(SetupError, match="at most 64 KB"):
        text_of_file(b"a" * 70_000, "x.yaml")
    with pytest.raises(SetupError, match=r"x\.yaml:2: is no UTF-8 text"):
        text_of_file(b"a\n\xff", "x.yaml")


async def test_without_bars_of_its_symbols_it_can_not_be_tried_or_added(services):
    text = MINE.replace("symbols: [GER40, EURUSD]", "symbols: [XAUUSD, NOSUCH]")
    assert text != MINE
    checked = await check_setup(text, "mine.yaml", ADA, services)
    assert checked.tried is None and not checked.may_be_added
    assert "No bars of XAUUSD, NOSUCH are held" in checked.warnings[0]


async def test_a_starved_rule_is_warned_about(services):
    text = MINE.replace(
        "    draw: sweep\n",
        "    draw: sweep\n    limits:\n      - {value: sweep.depth_atr, min: 40}\n",
        1,
    )
    checked = await check_setup(text, "mine.yaml", ADA, services)
    assert checked.tried.signals == 0
    assert any("is starved" in w for w in checked.warnings)
    assert checked.may_be_added
