"""/logs in the chat: the newest lines as text, all of them as a file, for owners."""

import json

from flows.observing import logs_folder
from storage.log_files import LogFile
from tests.kit.chat import Chat
from tests.kit.sandbox import text_of

RUN = "bt_2025_10_31_001"


async def test_logs_of_a_run_as_text_and_as_a_file(running: Chat):
    me, services = running.owner, running.services
    await me.send(f"/logs {RUN}")
    await me.wait_for(lambda m: "there is no such run" in text_of(m))
    await me.send("/logs")
    await me.wait_for(lambda m: "Name a run" in text_of(m))
    log = LogFile(logs_folder(services.settings), "worker")
    for number in range(40):
        words = {"timestamp": f"2025-10-31T10:00:{number:02}Z", "level": "info"}
        words |= {"process": "worker", "event": f"step_{number}", "run_id": RUN, "much": "z" * 200}
        log.write(json.dumps(words).encode(), 1_761_904_800.0)
    await me.send(f"/logs {RUN}")
    text = text_of(await me.wait_for(lambda m: "of 40 lines" in text_of(m)))
    assert "step_39" in text and "step_0 " not in text
    file = await me.wait_for(lambda m: "document" in m)
    assert file["document"]["file_name"] == f"{RUN}.jsonl"
    assert text_of(file) == "All 40 lines"
