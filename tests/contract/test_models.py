"""ModelRegistry: one suite over memory, and over files with SQLite and PostgreSQL."""

import asyncio
from datetime import timedelta

import pytest

from pipeline.domain.errors import ModelRefusedError
from pipeline.domain.model import GoldenRow, ModelStanding
from tests.kit.models import NOW, a_model, a_verdict

ID = "signal_classifier"


@pytest.fixture
def stores(placed_stores):
    return placed_stores


def standing(champion="", challenger="", previous="", *, ab=False, minutes=0, by="7"):
    return ModelStanding(
        model_id=ID, champion=champion, challenger=challenger, previous=previous, ab=ab,
        changed_at=NOW + timedelta(minutes=minutes), changed_by=by,
    )  # fmt: skip


async def put_all(stores, count, model_id=ID):
    models = stores.models()
    for _ in range(count):
        version = await models.next_version(model_id)
        await models.put(a_model(version, model_id=model_id), a_verdict(), NOW)


async def names(stores, model_id=ID):
    return [each.version for each in await stores.models().versions(model_id)]


async def change(stores, new):
    models = stores.models()
    assert await models.change(new, await models.standing(ID))


async def test_a_model_comes_back_to_the_last_bit(stores):
    model = a_model(trees="tree\nleaf_value=0.30000000000000004 -1e-300 é\n")
    kept = await stores.models().put(model, a_verdict(), NOW)
    assert kept.model_dump() == {
        "model_id": ID, "version": "v1.0", "created_at": NOW, "run_id": "train_2025_11_02_001",
        "verdict": a_verdict().model_dump(), "path": f"{ID}/v1.0",
    }  # fmt: skip
    found = await stores.models().get(ID, "v1.0")
    assert found.trees == model.trees
    assert found.manifest.model_copy(update={"sha256": ""}) == model.manifest
    assert len(found.manifest.sha256) == 64
    assert await stores.models().versions(ID) == [kept]


async def test_the_same_model_again_changes_nothing(stores):
    first = await stores.models().put(a_model(), a_verdict(), NOW)
    again = await stores.models().put(a_model(), None, NOW + timedelta(hours=1))
    assert again == first
    assert await names(stores) == ["v1.0"]


async def test_another_model_under_a_given_version_is_refused(stores):
    await stores.models().put(a_model(), None, NOW)
    with pytest.raises(ValueError, match="another model"):
        await stores.models().put(a_model(trees="tree\n"), None, NOW)
    assert (await stores.models().get(ID, "v1.0")).trees == a_model().trees


async def test_figures_that_are_no_numbers_are_not_kept(stores):
    golden = (GoldenRow(features=(float("nan"), 1.0), raw=float("inf"), score=0.5),)
    for broken in (a_model(base_rate=float("nan")), a_model(golden=golden)):
        with pytest.raises(ValueError, match="no numbers"):
            await stores.models().put(broken, None, NOW)
    assert await names(stores) == []


async def test_numbers_count_up_and_are_spent_whether_used_or_not(stores):
    assert await stores.models().next_version(ID) == "v1.0"
    assert await stores.models().next_version(ID) == "v2.0"
    assert await stores.models().next_version("other") == "v1.0"
    await stores.models().put(a_model("v7.0"), None, NOW)
    assert await stores.models().next_version(ID) == "v8.0"


async def test_racers_get_numbers_of_their_own(stores):
    given = await asyncio.gather(*(stores.models().next_version(ID) for _ in range(20)))
    assert sorted(given) == sorted(f"v{n}.0" for n in range(1, 21))


async def test_versions_are_listed_newest_first_by_number(stores):
    await put_all(stores, 11)
    await put_all(stores, 1, "other")
    assert await names(stores) == [f"v{n}.0" for n in range(11, 0, -1)]
    assert await names(stores, "nothing") == []
    assert await stores.models().models() == ["other", ID]


@pytest.mark.parametrize(
    "model_id",
    [
        "",
        "..",
        ".",
        "a/b",
        "../signal_classifier",
        "/etc",
        "Signal",
        "a b",
        "a\x00",
        "a\n",
        "ä",
        "x" * 65,
    ],
)
async def test_ids_that_could_lead_elsewhere_are_refused(stores, model_id):
    models = stores.models()
    with pytest.raises(ValueError, match="no model is called"):
        await models.next_version(model_id)
    with pytest.raises(ValueError, match="no model is called"):
        await models.put(a_model(model_id=model_id), None, NOW)
    with pytest.raises(ModelRefusedError):
        await models.get(model_id, "v1.0")
    assert await models.keep_last(model_id, 1, NOW) == []
    with pytest.raises(ValueError, match="needs an id"):
        await models.change(
            ModelStanding(model_id=model_id, changed_at=NOW), ModelStanding(model_id=model_id)
        )


@pytest.mark.parametrize(
    "version", ["", "v0.0", "v1", "v01.0", "v1.1", "1.0", "../v1.0", "v1.0/", "v1.0\n"]
)
async def test_versions_that_are_none_are_refused(stores, version):
    await put_all(stores, 1)
    with pytest.raises(ValueError, match="no model is called"):
        await stores.models().put(a_model(version), None, NOW)
    with pytest.raises(ModelRefusedError) as refused:
        await stores.models().get(ID, version)
    assert refused.value.facts["refusal"] == "missing"


async def test_a_version_that_never_was_is_missing(stores):
    with pytest.raises(ModelRefusedError, match=f"{ID} v3.0 can't be used: it is not kept"):
        await stores.models().get(ID, "v3.0")


async def test_nothing_is_in_use_until_somebody_says_so(stores):
    assert await stores.models().standing(ID) == ModelStanding(model_id=ID)
    assert await stores.models().history(ID) == []


async def test_a_change_is_kept_and_becomes_history(stores):
    await put_all(stores, 2)
    first, second = standing("v1.0"), standing("v2.0", previous="v1.0", ab=True, minutes=5)
    await change(stores, first)
    await change(stores, second)
    assert await stores.models().standing(ID) == second
    assert await stores.models().history(ID) == [second, first]
    assert await stores.models().history("other") == []


async def test_a_change_of_what_was_changed_meanwhile_is_none(stores):
    await put_all(stores, 2)
    read = await stores.models().standing(ID)
    await change(stores, standing("v1.0"))
    assert not await stores.models().change(standing("v2.0"), read)
    stale = standing("v1.0", minutes=1)
    assert not await stores.models().change(standing("v2.0"), stale)
    assert await stores.models().history(ID) == [standing("v1.0")]


async def test_of_forty_racers_one_wins(stores):
    await put_all(stores, 2)
    await change(stores, standing("v1.0"))
    read = await stores.models().standing(ID)
    wishes = [standing("v2.0", previous="v1.0", by=str(n)) for n in range(40)]
    won = await asyncio.gather(*(stores.models().change(each, read) for each in wishes))
    assert sum(won) == 1
    assert await stores.models().standing(ID) == wishes[won.index(True)]
    assert len(await stores.models().history(ID)) == 2


async def test_of_racers_for_the_first_standing_one_wins(stores):
    await put_all(stores, 1)
    nothing = ModelStanding(model_id=ID)
    wishes = [standing("v1.0", by=str(n)) for n in range(10)]
    won = await asyncio.gather(*(stores.models().change(each, nothing) for each in wishes))
    assert sum(won) == 1


async def test_what_is_not_kept_can_not_be_put_in_use(stores):
    await put_all(stores, 1)
    for wish in (standing("v2.0"), standing("v1.0", "v2.0"), standing("v1.0", previous="v9.0")):
        with pytest.raises(ModelRefusedError, match="is not kept"):
            await stores.models().change(wish, ModelStanding(model_id=ID))
    assert await stores.models().history(ID) == []


async def test_a_change_has_its_time(stores):
    with pytest.raises(ValueError, match="time"):
        await stores.models().change(ModelStanding(model_id=ID), ModelStanding(model_id=ID))


async def test_keeping_the_last_spares_all_that_is_or_was_in_use(stores):
    await put_all(stores, 9)
    await put_all(stores, 3, "other")
    for new in (standing("v1.0"), standing("v2.0", previous="v1.0"), standing("v3.0", previous="v2.0"),
                standing("v4.0", "v5.0", previous="v3.0")):  # fmt: skip
        await change(stores, new)
    assert await stores.models().keep_last(ID, 2, NOW) == ["v7.0", "v6.0"]
    assert await names(stores) == ["v9.0", "v8.0", "v5.0", "v4.0", "v3.0", "v2.0", "v1.0"]
    await change(stores, standing("v4.0", previous="v3.0", minutes=9))
    assert await stores.models().keep_last(ID, 0, NOW) == ["v9.0", "v8.0", "v5.0"]
    assert await stores.models().keep_last(ID, 0, NOW) == []
    assert await names(stores, "other") == ["v3.0", "v2.0", "v1.0"]
    for version in ("v1.0", "v4.0"):
        assert (await stores.models().get(ID, version)).trees


async def test_a_removed_version_is_gone_and_its_number_spent(stores):
    await put_all(stores, 3)
    assert await stores.models().keep_last(ID, 1, NOW) == ["v2.0", "v1.0"]
    with pytest.raises(ModelRefusedError) as refused:
        await stores.models().get(ID, "v2.0")
    assert refused.value.facts["refusal"] == "missing"
    with pytest.raises(ValueError, match="another model"):
        await stores.models().put(a_model("v2.0"), None, NOW)
    with pytest.raises(ModelRefusedError):
        await stores.models().change(standing("v2.0"), ModelStanding(model_id=ID))
    await stores.models().keep_last(ID, 0, NOW)
    assert await stores.models().models() == []
    assert await stores.models().next_version(ID) == "v4.0"


async def test_removing_and_promoting_at_once_never_leaves_a_champion_without_files(stores):
    await put_all(stores, 6)
    reads = ModelStanding(model_id=ID)
    results = await asyncio.gather(
        *(stores.models().change(standing("v2.0"), reads) for _ in range(5)),
        *(stores.models().keep_last(ID, 1, NOW) for _ in range(3)),
        return_exceptions=True,
    )
    assert all(not isinstance(r, Exception) or isinstance(r, ModelRefusedError) for r in results)
    champion = (await stores.models().standing(ID)).champion
    if champion:
        assert (await stores.models().get(ID, champion)).trees
