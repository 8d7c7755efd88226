"""Who is owed an alert, with what was told and is owed already; and the digests afterwards."""

from datetime import UTC, datetime, timedelta

from flows.digests import send_due_digests
from flows.routing import alerts_for
from pipeline.domain.live import DecisionKind
from pipeline.domain.report import DeliveryKind
from pipeline.domain.watch import Quiet, Watch
from tests.kit.live_signals import hand_made
from tests.kit.plain_services import plain_services

NOW = datetime(2025, 3, 10, 9, 2, 1, tzinfo=UTC)  # a Monday, 10:02 in Berlin
MINUTE = timedelta(minutes=1)


async def told(services, draft, now, **how):
    """Route and admit, as a scan does."""
    alerts = await alerts_for(draft, services, now=now, **how)
    admission = await services.signals.admit(draft, alerts, cooldown=timedelta(0), now=now)
    return {a.chat_id: a.held for a in alerts}, admission.record


async def drained(services, now):
    """Accept everything owed, as the bot does; return what it was."""
    found = []
    while claimed := await services.outbox.claim(now, lease=MINUTE):
        for each in claimed:
            found.append(each)
            await services.outbox.ack(each.id, now, [each.id])
            if each.kind is DeliveryKind.ALERT:
                signal_id = each.payload["signal_id"]
                await services.signals.accepted(signal_id, each.chat_id, each.id, now)
    return found


async def test_each_chat_gets_what_it_wants(tmp_path):
    async with plain_services(tmp_path) as services:
        for watch in (
            Watch(chat_id=1),
            Watch(chat_id=2, symbols=("GER40",)),
            Watch(chat_id=3, quiet=Quiet(start="09:00", end="12:00")),
            Watch(chat_id=4, on=False),
            Watch(chat_id=5, max_per_hour=1),
        ):
            await services.watches.put(watch, NOW)
        assert (await told(services, hand_made(symbol="GER40"), NOW))[0] == {
            1: "", 2: "", 3: "quiet", 5: "",
        }  # fmt: skip
        # what is owed counts although nobody has sent it yet
        second = await told(services, hand_made(), NOW)
        assert second[0] == {1: "", 3: "quiet", 5: "hour"}
        rejected = hand_made(NOW + MINUTE, kind=DecisionKind.REJECTED)
        assert await alerts_for(rejected, services, now=NOW) == []


async def test_an_hours_limit_counts_what_was_accepted_and_forgets_it_after_an_hour(tmp_path):
    async with plain_services(tmp_path) as services:
        await services.watches.put(Watch(chat_id=1, max_per_hour=2), NOW)
        for n, held in enumerate(("", "", "hour", "hour")):
            assert (await told(services, hand_made(NOW + n * MINUTE), NOW))[0] == {1: held}
            await drained(services, NOW)
        soon, later = NOW + 59 * MINUTE, NOW + 60 * MINUTE
        assert (await alerts_for(hand_made(soon), services, now=soon))[0].held == "hour"
        assert (await alerts_for(hand_made(later), services, now=later))[0].held == ""


async def test_what_the_limit_held_comes_in_a_digest_within_five_minutes(tmp_path):
    async with plain_services(tmp_path) as services:
        await services.watches.put(Watch(chat_id=1, max_per_hour=3), NOW)
        ids = [(await told(services, hand_made(NOW + n * MINUTE), NOW))[1].signal_id for n in range(8)]  # fmt: skip
        await drained(services, NOW)
        assert await send_due_digests(services, NOW + 2 * MINUTE) == 0
        due = NOW + 3 * MINUTE
        assert await send_due_digests(services, due) == 1
        assert await send_due_digests(services, due) == 0
        (digest,) = await drained(services, due)
        assert digest.kind is DeliveryKind.DIGEST
        assert digest.payload["signal_ids"] == ids[3:]
        assert set(digest.payload["held"].values()) == {"hour"}


async def test_a_replay_speaks_to_its_chat_alone_and_leaves_live_limits_alone(tmp_path):
    async with plain_services(tmp_path) as services:
        await services.watches.put(Watch(chat_id=1, max_per_hour=2, on=False), NOW)
        await services.watches.put(Watch(chat_id=2), NOW)
        for n in range(30):
            replayed = hand_made(NOW - n * MINUTE, origin="live_2025_03_10_007")
            assert (await told(services, replayed, NOW, only_chat=1))[0] == {1: ""}
        assert await alerts_for(replayed, services, now=NOW, only_chat=9) != []
        await services.watches.put(Watch(chat_id=1, max_per_hour=2), NOW)
        await drained(services, NOW)
        assert (await told(services, hand_made(), NOW))[0] == {1: "", 2: ""}


async def test_a_digest_waits_for_the_end_of_quiet_hours(tmp_path):
    """Held by a limit just before they began, in a chat that must not ring now."""
    evening = datetime(2025, 3, 10, 20, 58, tzinfo=UTC)  # 21:58 in Berlin
    quiet = Quiet(start="22:00", end="07:00")
    async with plain_services(tmp_path) as services:
        await services.watches.put(Watch(chat_id=1, max_per_hour=1, quiet=quiet), evening)
        await services.watches.put(Watch(chat_id=2, max_per_hour=1), evening)
        for n in range(2):
            await told(services, hand_made(evening + n * MINUTE), evening)
        night = (await told(services, hand_made(evening + 5 * MINUTE), evening + 5 * MINUTE))[1]
        assert await send_due_digests(services, evening + 10 * MINUTE) == 1  # to chat 2
        morning = datetime(2025, 3, 11, 6, 0, tzinfo=UTC)
        assert await send_due_digests(services, morning - MINUTE) == 0
        assert await send_due_digests(services, morning) == 1
        digest = (await drained(services, morning))[-1]
        assert digest.chat_id == 1
        assert digest.payload["held"][night.signal_id] == "quiet"
        assert len(digest.payload["signal_ids"]) == 2
