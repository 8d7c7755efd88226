"""Models as files: whole or not there after a death at any step, refused when they are not ours."""

import asyncio
import json
import re
import sys
from pathlib import Path

import pytest

from pipeline.domain.errors import ModelRefusedError, StoreDownError
from storage.model_files import MANIFEST, TREES, ModelFiles
from tests.kit.model_worker import name_of
from tests.kit.models import NOW, a_model, a_verdict

ROOT = Path(__file__).parents[2]
ID = "signal_classifier"
SPARE = 90  # models that are there before anything dies; more than any deed has steps


@pytest.fixture
def stores(stores):
    if stores.url is None:
        pytest.skip("memory has no files")
    return stores


@pytest.fixture
async def folder(stores):
    """The folder of v1.0, beside which lies v2.0."""
    await stores.models().put(a_model("v1.0"), a_verdict(), NOW)
    await stores.models().put(a_model("v2.0", trees="tree\nversion=v4\n\n"), None, NOW)
    return stores.models_folder / ID / "v1.0"


async def refusal(stores, version="v1.0"):
    with pytest.raises(ModelRefusedError) as refused:
        await stores.models().get(ID, version)
    assert refused.value.user_text.startswith(f"Model {ID} {version} can't be used: ")
    return refused.value.facts["refusal"]


async def test_the_layout(stores, folder):
    assert sorted(p.name for p in folder.iterdir()) == [MANIFEST, TREES]
    assert (folder / TREES).read_text() == a_model().trees
    assert json.loads((folder / MANIFEST).read_text())["features"] == ["range_atr", "hour"]
    assert sorted(p.name for p in folder.parent.iterdir()) == ["v1.0", "v2.0"]


@pytest.mark.parametrize("name", [MANIFEST, TREES])
async def test_one_flipped_bit_anywhere_is_damage(stores, folder, name):
    path, whole = folder / name, (folder / name).read_bytes()
    for at in range(0, len(whole), max(1, len(whole) // 25)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert await refusal(stores) == "damaged"
    for broken in (whole[:-1], whole + b"\n", b"", b"\x00" * 99, b"\xff\xfe"):
        path.write_bytes(broken)
        assert await refusal(stores) == "damaged"
    path.write_bytes(whole)
    assert (await stores.models().get(ID, "v1.0")).trees == a_model().trees


async def test_a_byte_that_moves_from_one_file_to_the_other_is_damage(stores, folder):
    manifest, trees = (folder / MANIFEST).read_bytes(), (folder / TREES).read_bytes()
    (folder / MANIFEST).write_bytes(manifest + trees[:1])
    (folder / TREES).write_bytes(trees[1:])
    assert await refusal(stores) == "damaged"


@pytest.mark.parametrize("name", [MANIFEST, TREES])
async def test_a_missing_file_is_missing(stores, folder, name):
    (folder / name).unlink()
    assert await refusal(stores) == "missing"


async def test_the_files_of_another_version_are_foreign(stores, folder):
    for name in (MANIFEST, TREES):
        (folder / name).write_bytes((folder.parent / "v2.0" / name).read_bytes())
    assert await refusal(stores) == "foreign"
    with pytest.raises(ModelRefusedError, match=rf"those of {ID} v2\.0"):
        await stores.models().get(ID, "v1.0")


async def test_what_is_a_link_is_not_followed(stores, folder, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    assert await refusal(stores) == "missing"
    folder.unlink()
    folder.mkdir()
    (folder / MANIFEST).write_bytes((elsewhere / MANIFEST).read_bytes())
    (folder / TREES).symlink_to(elsewhere / TREES)
    assert await refusal(stores) == "missing"
    (folder / TREES).unlink()
    (folder / TREES).write_bytes((elsewhere / TREES).read_bytes())
    assert (await stores.models().get(ID, "v1.0")).trees
    whole = folder.parent.rename(tmp_path / "all")
    (stores.models_folder / ID).symlink_to(whole)
    assert await refusal(stores) == "missing"


async def test_removing_a_link_leaves_what_it_leads_to(stores, folder, tmp_path):
    elsewhere = folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(elsewhere)
    assert await stores.models().keep_last(ID, 1, NOW) == ["v1.0"]
    assert not folder.is_symlink()
    assert (elsewhere / TREES).exists()


async def test_what_cannot_be_written_is_not_kept(stores, folder):
    folder.parent.rename(folder.parent.with_name("away"))
    folder.parent.write_text("a file in the folder's place")
    with pytest.raises(StoreDownError, match="models can't be read or written"):
        await stores.models().put(a_model("v3.0"), None, NOW)
    assert [row.version for row in await stores.models().versions(ID)] == ["v2.0", "v1.0"]


async def test_folders_without_rows_keep_their_numbers(stores, folder):
    (folder.parent / "v6.0").mkdir()
    assert await stores.models().next_version(ID) == "v7.0"
    assert await refusal(stores, "v6.0") == "missing"


async def die_at_every_step(stores, what):
    words = "-m", "tests.kit.model_worker", stores.url, str(stores.models_folder), what
    worker = await asyncio.create_subprocess_exec(
        sys.executable, *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(170):
        said, _ = await worker.communicate()
    assert worker.returncode == 0
    assert 15 < int(said) < SPARE
    return int(said)


async def test_a_death_while_keeping_leaves_nothing_half_made(stores):
    steps = await die_at_every_step(stores, "put")
    models, kept = stores.models(), set(await stores.models().models())
    assert name_of(steps) in kept and name_of(0) not in kept
    assert kept - {name_of(steps)}  # some died after the commit
    for n in range(steps + 1):
        model_id = name_of(n)
        whole = stores.models_folder / model_id / "v1.0"
        if whole.exists():  # under its name it is whole, with or without its row
            assert ModelFiles(stores.models_folder).read(model_id, "v1.0").trees
            assert await models.next_version(model_id) == "v2.0"
        if model_id in kept:
            assert (await models.get(model_id, "v1.0")).trees == a_model().trees
        else:
            with pytest.raises(ModelRefusedError):
                await models.get(model_id, "v1.0")
        await models.put(a_model("v1.0", model_id=model_id), a_verdict(), NOW)
        assert (await models.get(model_id, "v1.0")).trees == a_model().trees
        await models.put(a_model("v3.0", model_id=model_id), None, NOW)
        assert sorted(p.name for p in whole.parent.iterdir()) == ["v1.0", "v3.0"]


async def test_a_death_while_removing_leaves_nothing_half_gone(stores):
    for n in range(SPARE):
        for version in ("v1.0", "v2.0"):
            await stores.models().put(a_model(version, model_id=name_of(n)), None, NOW)
    steps = await die_at_every_step(stores, "keep")
    models = stores.models()
    for n in range(steps + 1):
        model_id = name_of(n)
        for row in await models.versions(model_id):
            assert (await models.get(model_id, row.version)).trees
        await models.keep_last(model_id, 1, NOW)
        assert sorted(p.name for p in (stores.models_folder / model_id).iterdir()) == ["v2.0"]


BETWEEN_PROCESSES = {"flows/cpu.py", "flows/scan_desk.py"}  # own children, never a file


def test_no_file_is_ever_unpickled():
    words = re.compile(
        r"^\s*(import|from)\s+(pickle|cPickle|dill|cloudpickle|joblib|shelve|marshal)\b"
    )
    floors = ("bot", "flows", "storage", "pipeline")
    sources = [path for floor in floors for path in (ROOT / floor).rglob("*.py")]
    assert len(sources) > 400
    found = {
        str(path.relative_to(ROOT))
        for path in sources
        if any(words.search(line) for line in path.read_text(encoding="utf-8").splitlines())
    }
    assert found == BETWEEN_PROCESSES
