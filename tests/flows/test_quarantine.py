"""What becomes of withheld bars by an owner's word: in the store, or gone, never half."""

from datetime import timedelta

import pytest

from flows.quarantine_desk import answer, newest_versions
from flows.quarantine_text import waiting_lines
from pipeline.domain.errors import BadBarsError, BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.source import WithheldBar, WithheldKind
from tests.kit.sourced import ME, NOW, bars, sourced_services

M1 = Timeframe.M1


async def filled(services, count=400):
    """Hold bars and put a revised twin of the tenth and a bar behind the last in quarantine."""
    held = bars().iloc[:count].reset_index(drop=True)
    held["spread"] = 0.0002
    await services.bars.merge("GBPUSD", M1, held, source="first", now=NOW)
    revised = waiting(held, 10)
    await services.quarantine.withhold([revised, waiting(bars(), count, WithheldKind.SPIKE)])
    return held, revised


def waiting(frame, row, kind=WithheldKind.REVISED, up=0.001, **more):
    old = tuple(float(frame[name].iloc[row]) for name in ("open", "high", "low", "close"))
    return WithheldBar(
        symbol="GBPUSD", timeframe=M1, open_time=frame["open_time"].iloc[row].to_pydatetime(),
        source="first", kind=kind, prices=tuple(p + up for p in old), volume=7.0,
        held=old if kind is WithheldKind.REVISED else None, reason="it is so", at=NOW,
    ).model_copy(update=more)  # fmt: skip


async def test_what_waits_is_listed_and_accepting_says_what_changed(tmp_path):
    async with sourced_services(tmp_path) as services:
        held, revised = await filled(services)
        told = waiting_lines(await answer("/quarantine", ME, services))
        assert told[0].startswith("2 bars wait in quarantine")
        assert told[1] == "GBPUSD M1: 1 revised, 1 spike" and "; held " in told[2]
        done = await answer("/quarantine gbpusd m1 accept", ME, services)
        assert (done.settled.added, done.settled.replaced, done.settled.settled) == (1, 1, 2)
        assert "2 bars accepted: 1 added, 1 replaced" in waiting_lines(done)[0]
        now = await services.bars.read("GBPUSD", M1)
        assert len(now) == len(held) + 1
        assert now["close"].iloc[10] == pytest.approx(revised.prices[3])
        assert now["spread"].iloc[10] == pytest.approx(0.0002)
        others = [i for i in range(len(held)) if i != 10]
        assert now.iloc[others].equals(held.iloc[others])
        assert await services.quarantine.waiting() == []
        (event,) = [e for e in await services.audit.newest(5) if e.action == "quarantine"]
        assert (event.what["verdict"], event.what["replaced"]) == ("accepted", 1)


async def test_discarding_changes_no_bar_and_the_same_never_waits_again(tmp_path):
    async with sourced_services(tmp_path) as services:
        held, revised = await filled(services)
        done = await answer("/quarantine GBPUSD M1 discard", ME, services)
        assert done.settled.settled == 2 and not done.groups
        assert (await services.bars.read("GBPUSD", M1)).equals(held)
        assert await services.quarantine.withhold([revised]) == 0
        with pytest.raises(BadRequestError, match="No bars of GBPUSD M1 wait"):
            await answer("/quarantine GBPUSD M1 accept", ME, services)


async def test_a_decision_on_another_list_than_was_shown_does_nothing(tmp_path):
    async with sourced_services(tmp_path) as services:
        held, _ = await filled(services)
        (group,) = (await answer("/quarantine", ME, services)).groups
        await services.quarantine.withhold([waiting(held, 20)])
        with pytest.raises(BadRequestError, match="look again"):
            await answer(f"/quarantine GBPUSD M1 accept seen={group.mark}", ME, services)
        assert len(await services.quarantine.waiting()) == 3
        assert (await services.bars.read("GBPUSD", M1)).equals(held)


async def test_a_bar_that_breaks_the_contract_keeps_all_of_them_out(tmp_path):
    async with sourced_services(tmp_path) as services:
        held, _ = await filled(services)
        await services.quarantine.withhold(
            [waiting(held, 30, WithheldKind.IMPOSSIBLE, prices=(1.2, 1.1, 1.3, 1.2))]
        )
        with pytest.raises(BadBarsError):
            await answer("/quarantine GBPUSD M1 accept", ME, services)
        assert (await services.bars.read("GBPUSD", M1)).equals(held)
        assert len(await services.quarantine.waiting()) == 3


async def test_of_versions_of_a_bar_the_last_is_taken_and_the_older_are_told(tmp_path):
    async with sourced_services(tmp_path) as services:
        held, revised = await filled(services)
        later = waiting(held, 10, up=0.002, at=NOW + timedelta(hours=1))
        await services.quarantine.withhold([later])
        assert newest_versions([later, revised]) == [later]
        done = await answer("/quarantine GBPUSD M1 accept", ME, services)
        assert (done.settled.settled, done.settled.older) == (2, 1)
        now = await services.bars.read("GBPUSD", M1)
        assert now["close"].iloc[10] == pytest.approx(later.prices[3])
        assert await services.quarantine.waiting() == []


@pytest.mark.parametrize(
    ("text", "field"),
    [("GBPUSDD", "symbol"), ("GBPUSD M1 acept", "word"), ("accept", "symbol"),
     ("GBPUSD accept", "timeframe")],
)  # fmt: skip
async def test_a_wrong_word_is_refused_by_name_and_nothing_changes(tmp_path, text, field):
    async with sourced_services(tmp_path) as services:
        await filled(services)
        with pytest.raises(BadRequestError) as refused:
            await answer(f"/quarantine {text}", ME, services)
        assert refused.value.field == field
        assert len(await services.quarantine.waiting()) == 2
