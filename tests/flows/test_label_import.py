"""Own labels kept: matched to signals, all or nothing, each refusal in the trail."""

from dataclasses import replace
from datetime import timedelta

import pytest

from flows.label_import import MAX_BYTES, import_labels
from pipeline.domain.errors import BadRequestError
from pipeline.domain.label import MARKS
from pipeline.domain.request import Actor, Channel
from pipeline.domain.training import TrainingData
from tests.kit.live_signals import CLOSE, hand_made
from tests.kit.models import a_label
from tests.kit.plain_services import NOW
from tests.kit.stored_services import stored_services

ANN = Actor(channel=Channel.TELEGRAM, user_id=11, chat_id=7, name="Ann")
HEAD = "setup_id,symbol,timeframe,side,known_at,label"
ROW = "Frank_raid_v1,EURUSD,M5,long,2025-10-31T00:05Z"


@pytest.fixture
async def services(kept_in, tmp_path):
    async with stored_services(tmp_path / "home", kept_in) as found:
        yield found


async def bring(services, *rows, head=HEAD):
    return await import_labels("mine.csv", "\n".join([head, *rows]).encode(), ANN, services)


async def kept(services):
    return await services.labels.select(TrainingData())


async def test_marks_of_signals_nobody_else_saw(services):
    receipt = await bring(services, f"{ROW},1", "IB_raid_v1,dax,M5,short,2025-10-31T08:05+01:00,0")
    assert receipt.model_dump() == {
        "name": "mine.csv", "rows": 2, "positives": 1, "added": 2, "updated": 0, "featured": 0, "total": 2,
    }  # fmt: skip
    first, second = await kept(services)
    assert first.signal_id == "Frank_raid_v1|EURUSD|M5|20251031T000500|long"
    assert (first.source, first.label, first.features) == (MARKS, 1, None)
    assert first.resolved_at == first.known_at + timedelta(days=1)
    assert (second.symbol, second.side, second.label) == ("GER40", "short", 0)
    assert second.signal_id == "IB_raid_v1|GER40|M5|20251031T070500|short"


async def test_again_with_a_correction_replaces(services):
    await bring(services, f"{ROW},1")
    receipt = await bring(services, f"{ROW},0")
    assert (receipt.added, receipt.updated, receipt.total) == (0, 1, 1)
    assert [row.label for row in await kept(services)] == [0]


async def test_a_live_signal_gives_its_facts_and_features(services):
    draft = hand_made().model_copy(update={"features": {"x": 0.1 + 0.2}, "feature_version": "1"})
    admitted = await services.signals.admit(draft, (), cooldown=timedelta(0), now=NOW)
    receipt = await bring(
        services, f"{admitted.record.signal_id},1,taken", head="signal_id,label,human"
    )
    assert receipt.featured == 1
    [row] = await kept(services)
    signal = draft.signal
    assert (row.setup_id, row.symbol, row.tf, row.known_at) == (
        signal.setup_id, signal.symbol, signal.tf, CLOSE,
    )  # fmt: skip
    assert (row.features, row.feature_version) == ({"x": 0.1 + 0.2}, "1")
    assert (row.human, row.confidence, row.source) == ("taken", signal.confidence, MARKS)
    assert draft.key.endswith(row.signal_id)


async def test_a_backtests_signal_gives_its_features(services):
    await services.labels.put([a_label(5)], NOW)
    receipt = await bring(services, f"{ROW},0")
    assert (receipt.featured, receipt.total) == (1, 2)
    assert {row.source: row.features for row in await kept(services)}[MARKS] == a_label(5).features


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("Frank_raid,EURUSD,M5,long,2025-10-31T00:05Z,1", "Row 3, setup_id 'Frank_raid': "),
        ("Frank_raid_v1,NOSUCH,M5,long,2025-10-31T00:05Z,1", "Row 3, symbol 'NOSUCH': "),
        (f"{ROW},1", "row 2 is about the same signal"),
        (f"{ROW},2", "Row 3, label '2': "),
    ],
)
async def test_one_wrong_row_and_nothing_is_kept(services, row, words):
    with pytest.raises(BadRequestError) as refused:
        await bring(services, f"{ROW},1", row)
    assert words in refused.value.user_text
    assert await kept(services) == []
    [event] = await services.audit.newest(1)
    assert (event.action, event.verdict, event.reason) == (
        "import_labels", "refused", refused.value.user_text,
    )  # fmt: skip


async def test_the_same_signal_by_id_and_by_place_is_one(services):
    admitted = await services.signals.admit(hand_made(), (), cooldown=timedelta(0), now=NOW)
    s = admitted.record.signal
    place = f"{s.setup_id},{s.symbol},{s.tf.value},{s.side.value},{s.known_at.isoformat()}"
    with pytest.raises(BadRequestError, match="row 2 is about the same signal"):
        await bring(
            services,
            f"{admitted.record.signal_id},,,,,,1",
            f",{place},1",
            head=f"signal_id,{HEAD}",
        )


async def test_ids_that_are_none_and_files_that_are_none(services):
    with pytest.raises(BadRequestError, match="no such live signal"):
        await bring(services, "sig_live_999,1", head="signal_id,label")
    for data, words in (
        (b"\xff\xfe\x00", "UTF-8"),
        (b"x" * (MAX_BYTES + 1), "4 MB"),
        (b"", "label"),
    ):
        with pytest.raises(BadRequestError, match=words):
            await import_labels("../../x.csv", data, ANN, services)
    assert [event.what["file"] for event in await services.audit.newest(3)] == ["x.csv"] * 3


async def test_comments_are_kept_with_the_file(services):
    receipt = await bring(services, f"{ROW},1,late but clean", head=f"{HEAD},comment")
    [event] = await services.audit.newest(1)
    assert event.verdict == "accepted" and event.what["added"] == receipt.added == 1
    [artifact] = await services.archive.of_run("")
    assert b"late but clean" in await services.archive.get(artifact.path)


async def test_a_store_that_is_down_keeps_nothing_and_says_so(services):
    class Down:
        async def select(self, wanted):
            return []

        async def put(self, rows, now):
            raise BadRequestError("down", field="store")

    with pytest.raises(BadRequestError, match="down"):
        await bring(replace(services, labels=Down()), f"{ROW},1")
    [event] = await services.audit.newest(1)
    assert event.verdict == "refused"
