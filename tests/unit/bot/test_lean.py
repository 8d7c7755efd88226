"""The lean import leaves aiogram whole: every type can still be built and used."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
CODE = """
from bot.lean import load_aiogram
load_aiogram()
import aiogram.types as types, aiogram.methods as methods
assert not types.Update.__pydantic_complete__, "nothing was saved"
update = types.Update.model_validate({"update_id": 1, "message": {
    "message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}, "text": "x"}})
assert type(update.message) is types.Message
found = methods.Response[list[types.Update]].model_validate({"ok": True, "result": [update]})
assert found.result[0].message.text == "x"
for module in (types, methods):
    for name in module.__all__:
        kind = getattr(module, name)
        if hasattr(kind, "model_rebuild"):
            kind.model_rebuild()
            assert kind.__pydantic_complete__, name
"""


def test_every_type_is_whole():
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
