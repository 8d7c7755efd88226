"""/label in the chat, over HTTP: what was labelled, its file, and a wrong symbol named."""

import json

from pipeline.domain.label import BACKTEST
from pipeline.domain.training import TrainingData
from tests.kit.chat import Chat
from tests.kit.sandbox import text_of

LONG = 90


async def test_a_set_is_labelled_and_told(running: Chat):
    me = running.owner
    await me.send("/label all EURUSD M5 2025-05-05..2025-05-23")
    report = await me.wait_for(lambda m: "labelled of" in text_of(m), LONG)
    rows = await running.services.labels.select(TrainingData())
    assert rows
    assert {row.source for row in rows} == {BACKTEST}
    assert f"{len(rows)} labelled of" in text_of(report)
    file = await me.wait_for(
        lambda m: m.get("document", {}).get("file_name", "").endswith(".json"), LONG
    )
    kept = json.loads(await me.download(file["document"]["file_id"]))
    assert kept["run_id"] == rows[0].run_id


async def test_a_wrong_symbol_is_named_with_the_nearest(running: Chat):
    me = running.owner
    await me.send("/label all EURUDS M5 2025-05-05..2025-05-23")
    refused = await me.wait_for(lambda m: "EURUDS" in text_of(m), LONG)
    assert "EURUSD" in text_of(refused)
    assert await running.services.runs.newest(5) == []
