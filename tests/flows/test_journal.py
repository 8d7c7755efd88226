"""The journal: pages of runs and answered signals, their links, their outcomes, ticks back."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from flows import control
from flows.answering import answer_signal
from flows.journal_keeper import JournalKeeper, owe_pages, write_due
from flows.journal_ticks import take_ticks
from flows.outcomes import follow_signals
from pipeline.domain.live import LIVE, TICK, AlertFor
from pipeline.domain.market import Timeframe
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Actor, Channel, RunStatus
from storage.memory_setups import MemorySetupStore
from tests.kit.deliveries import owed
from tests.kit.journal import with_journal
from tests.kit.live_bars import minutes_of, see
from tests.kit.live_signals import hand_made
from tests.kit.plain_services import NOW, plain_services
from tests.kit.research import SWEEP
from tests.kit.setups import TEXTS
from tests.kit.stored_services import stored_services

COMMAND = "Asia_sweep_engulf_v1 EURUSD M5 2025-05-05..2025-05-30"
CHAT = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5, name="Ann")
GROUP = -1001234567890


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Retries without their pauses."""
    monkeypatch.setattr("flows.tasks.BACKOFF", 0.001)


@pytest.fixture
async def plain(tmp_path):
    async with plain_services(tmp_path, owner_ids=(9,)) as given:
        yield given


@pytest.fixture
async def journaled(plain):
    async with with_journal(plain) as found:
        yield found


async def backtested(services, command=COMMAND, actor=CHAT):
    run = await control.launch_text(command, actor, services)
    await services.launcher.wait(run.run_id)
    return await services.runs.get(run.run_id)


def task_of(run):
    return {task.task: task for task in run.tasks}["notion_upload"]


async def later(services, seconds):
    services.clock.now += timedelta(seconds=seconds)


async def test_a_backtest_has_its_page_and_the_report_its_link(journaled):
    services, notion = journaled
    run = await backtested(services)
    [page] = notion.entries()
    assert run.report["results_summary"]["notion_page_url"] == page["url"]
    assert notion.plain(page, "run_id") == run.run_id
    assert notion.plain(page, "Trades") == run.report["results_summary"]["trades_count"]
    assert notion.plain(page, "Setup") == "Asia_sweep_engulf_v1"
    assert [b["type"] for b in notion.on(page["id"])].count("image") == 4
    [table] = [b for b in notion.on(page["id"]) if b["type"] == "table"]
    assert len(table["table"]["_rows"]) > 9
    assert await services.journal_queue.pending() == 0
    again = await control.rerun(run.run_id, CHAT, services)
    await services.launcher.wait(again.run_id)
    assert len(notion.entries()) == 1


async def test_a_schedule_s_run_has_none(journaled):
    services, notion = journaled
    run = await backtested(services, actor=Actor(channel=Channel.SCHEDULE, chat_id=5))
    assert (task_of(run).status, notion.entries()) == ("skipped", [])


async def test_a_wrong_token_is_told_once_and_nothing_else_suffers(plain):
    async with with_journal(plain, token="ntn_wrong") as (services, notion):
        runs = [await backtested(services), await backtested(services)]
        for run in runs:
            assert run.status is RunStatus.COMPLETED
            assert task_of(run).status == "failed"
            assert any("NOTION_TOKEN" in line for line in run.report["warnings"])
            assert run.report["results_summary"]["trades_count"]
        told = [d for d in await owed(services.outbox) if d.chat_id == 9]
        assert [("NOTION_TOKEN" in d.payload["text"], "ntn_wrong" in str(d)) for d in told] == [
            (True, False)
        ]
        assert (await services.journal_queue.standing()).given_up == 2
        assert await write_due(services) == 0
        notion.token = "ntn_wrong"  # now it is the right one
        assert await services.journal_queue.revive(services.clock()) == 2
        assert await write_due(services) == 2
        assert len(notion.entries()) == 2


async def test_an_outage_owes_the_page_and_the_link_follows(journaled):
    services, notion = journaled
    notion.plan("503", "", "", times=99)
    run = await backtested(services)
    assert run.status is RunStatus.COMPLETED
    assert "owed" in task_of(run).error
    assert any("owed" in line for line in run.report["warnings"])
    assert await services.journal_queue.pending() == 1
    await owed(services.outbox)
    assert await write_due(services) == 0  # its pause has not passed
    notion.faults.clear()
    await later(services, 700)
    assert await write_due(services) == 1
    [page] = notion.entries()
    [told] = await owed(services.outbox)
    assert (told.kind, told.chat_id) == (DeliveryKind.NOTICE, 5)
    assert page["url"] in told.payload["text"]
    await write_due(services)
    assert await owed(services.outbox) == []


async def test_a_journal_that_hangs_holds_a_run_up_for_a_bounded_time(journaled, monkeypatch):
    services, notion = journaled

    async def hang(*_):
        await asyncio.sleep(60)

    good = services.journal.put
    monkeypatch.setattr("flows.journal_task.SECONDS", 0.05)
    monkeypatch.setattr(services.journal, "put", hang)
    run = await backtested(services)
    assert run.status is RunStatus.COMPLETED
    assert "slow" in task_of(run).error
    monkeypatch.setattr(services.journal, "put", good)
    assert await write_due(services) == 1
    assert len(notion.entries()) == 1


async def test_other_runs_of_people_get_pages_too(journaled):
    plain, notion = journaled
    setups = MemorySetupStore(TEXTS)
    await setups.sync(NOW)
    services = replace(plain, setups=setups)
    await owe_pages(services, services.clock())  # the first look: what was before has no pages
    run = await control.launch_text(SWEEP, CHAT, services)
    await services.launcher.wait(run.run_id)
    assert (await services.runs.get(run.run_id)).status is RunStatus.COMPLETED
    await owe_pages(services, services.clock())
    assert await write_due(services) == 1
    [page] = notion.entries()
    assert notion.plain(page, "run_id") == run.run_id
    assert notion.texts(page["id"])
    assert any(page["url"] in str(d.payload.get("text")) for d in await owed(services.outbox))
    await owe_pages(services, services.clock())
    assert await services.journal_queue.pending() == 0


# Signals.


async def admitted(services, chat=5, **more):
    draft = hand_made(tf=Timeframe.M1, **more)
    draft = draft.model_copy(update={"chart": "annotated/one.png"})
    await services.archive.put(
        "annotated/one.png", b"\x89PNG", run_id=draft.run_id, role="alert", media_type="image/png"
    )
    alerts = [AlertFor(chat_id=chat)]
    record = (await services.signals.admit(draft, alerts, cooldown=timedelta(0), now=NOW)).record
    await services.signals.accepted(record.signal_id, chat, 77, NOW)
    return record


async def answered(services, choice="approved", **more):
    record = await admitted(services, **more)
    services.clock.now = record.signal.known_at + timedelta(seconds=20)
    said = await answer_signal(record.signal_id, record.ticket[:8], choice, CHAT, services)
    assert said.verdict == "accepted", said
    return record.signal_id


@pytest.fixture
async def live(kept_in, tmp_path):
    async with (
        stored_services(tmp_path / "home", kept_in, default_slippage=0.0, owner_ids=(9,)) as plain,
        with_journal(plain) as (services, notion),
    ):
        services.clock.now = hand_made().signal.known_at
        await owe_pages(services, services.clock())
        yield services, notion


async def kept(services):
    await owe_pages(services, services.clock())
    return await write_due(services)


async def test_an_approved_signal_from_page_to_outcome_to_label(live):
    services, notion = live
    name = await answered(services, chat=GROUP)
    assert await kept(services) == 1
    [page] = notion.entries()
    assert notion.plain(page, "signal_id") == name
    assert notion.plain(page, "Taken") == "taken"
    assert notion.plain(page, "Outcome") is None
    assert notion.plain(page, "Chat") == "https://t.me/c/1234567890/77"
    assert [b["type"] for b in notion.on(page["id"])].count("image") == 1
    record = await services.signals.get(name)
    assert record.extra["link"] == page["url"]
    assert any(d.kind is DeliveryKind.ALERT for d in await owed(services.outbox))
    assert await kept(services) == 0  # its own link is no news
    assert await owed(services.outbox) == []

    closes = await see(services, minutes_of(0, 0.5, 1, 2.2, start=record.signal.known_at))
    assert await follow_signals(LIVE, closes, services, now=services.clock()) == 1
    assert await kept(services) == 1
    [page] = notion.entries()
    assert notion.plain(page, "Outcome") == "TP"
    assert notion.plain(page, "R") > 1
    assert [b["type"] for b in notion.on(page["id"])].count("image") == 2
    [label] = await services.signals.labels(LIVE)
    assert label.human == "taken"

    await take_ticks(services, services.clock())
    await later(services, 300)
    notion.tick(page["id"], taken="skipped", note="I <b>slept</b>; /rerun")
    assert await take_ticks(services, services.clock()) == 1
    assert await take_ticks(services, services.clock()) == 0  # read again, it is no news
    [label] = await services.signals.labels(LIVE)
    assert label.human == "skipped"
    record = await services.signals.get(name)
    assert record.answer.choice == "approved"
    assert record.extra[TICK] == {"taken": "skipped", "note": "I <b>slept</b>; /rerun"}
    assert record.human == "skipped"
    trail = [e for e in await services.audit.newest() if e.action == "journal_tick"]
    assert [e.what["taken"] for e in trail] == ["skipped"]
    assert await kept(services) == 0  # a tick changes nothing of the page

    notion.tick(page["id"], taken="", note="")  # taken away again: the answer counts
    assert await take_ticks(services, services.clock()) == 1
    [label] = await services.signals.labels(LIVE)
    assert label.human == "taken"


async def test_a_tick_before_the_end_is_on_the_label_that_comes(live):
    services, notion = live
    name = await answered(services)
    await kept(services)
    [page] = notion.entries()
    notion.tick(page["id"], taken="skipped")
    assert await take_ticks(services, services.clock()) == 1
    known = (await services.signals.get(name)).signal.known_at
    await follow_signals(
        LIVE, await see(services, minutes_of(0, -1.5, start=known)), services, now=services.clock()
    )
    [label] = await services.signals.labels(LIVE)
    assert (label.label, label.human) == (0, "skipped")
    assert await kept(services) == 1
    assert (
        notion.plain(notion.entries()[0], "Taken") == "skipped"
    )  # ours to make, theirs to change


async def test_a_rejected_signal_is_an_entry_too_and_an_unanswered_is_none(live):
    services, notion = live
    await admitted(services, symbol="GBPUSD")
    await answered(services, "rejected")
    assert await kept(services) == 1
    [page] = notion.entries()
    assert notion.plain(page, "Taken") == "skipped"


class Killed(BaseException):
    """The process dies."""


class Dying:
    """A store that dies before or after its n-th call."""

    def __init__(self, inner, n, *, after):
        self._inner, self.left, self._after = inner, n, after

    def __getattr__(self, name):
        method = getattr(self._inner, name)

        async def call(*args, **kwargs):
            self.left -= 1
            if self.left == 0 and not self._after:
                raise Killed
            result = await method(*args, **kwargs)
            if self.left == 0:
                raise Killed
            return result

        return call


@pytest.mark.parametrize("after", [False, True])
async def test_killed_anywhere_a_page_is_whole_once_and_linked(live, after):
    """The keeper dies at each call of the queue, then of the signals; the next one goes on."""
    services, notion = live
    for store in ("journal_queue", "signals"):
        for n in range(1, 30):
            for page in notion.entries():
                notion.trash(page["id"])
            services.clock.now += timedelta(days=1)
            name = await answered(services, known_at=services.clock.now.replace(microsecond=0))
            dying = Dying(getattr(services, store), n, after=after)
            broken = replace(services, **{store: dying})
            ended = False
            try:
                await kept(broken)
                ended = True
            except Killed:
                services.clock.now += timedelta(seconds=200)  # the lease runs out
                await kept(services)
            [page] = notion.entries()
            assert len(notion.on(page["id"])) == 6, (store, n)
            assert (await services.signals.get(name)).extra["link"] == page["url"]
            assert await services.journal_queue.pending() == 0
            if ended:
                break
        else:
            raise AssertionError(f"it never lived through with {store}")


async def test_a_keeper_looks_after_everything_in_its_time(live):
    services, notion = live
    await answered(services)
    keeper = JournalKeeper(services)
    assert await keeper.look() == 1
    [page] = notion.entries()
    notion.tick(page["id"], taken="skipped")
    assert await keeper.look() == 0
    assert await services.chats.recall("journal:ticks")
    await later(services, 61)
    await keeper.look()
    [record] = await services.signals.newest(1)
    assert record.human == "skipped"


async def test_without_a_journal_nothing_is_kept(plain):
    async with asyncio.timeout(1):
        await JournalKeeper(plain).keep()
    assert await take_ticks(plain, plain.clock()) == 0
    run = await backtested(plain)
    assert task_of(run).error == "no journal configured"
