"""Models in use: who may promote what, one way back, every step in the trail."""

import asyncio
from datetime import timedelta

import pytest

from flows.models import (
    keep_models,
    promote,
    roll_back,
    shadow,
    shelves,
    switch_ab,
)
from pipeline.domain.errors import (
    GateObjectionError,
    ModelRefusedError,
    NotAllowedError,
    RequestError,
)
from pipeline.domain.request import Actor, Channel
from tests.kit.models import a_model, a_verdict
from tests.kit.plain_services import NOW
from tests.kit.stored_services import stored_services

ID = "signal_classifier"
OWNER = Actor(channel=Channel.TELEGRAM, user_id=11, chat_id=7, name="Ann")
TRADER = Actor(channel=Channel.TELEGRAM, user_id=12, chat_id=7, name="Bob")
SHELL = Actor(channel=Channel.CLI, name="ann")
CLOCK = Actor(channel=Channel.SCHEDULE)


@pytest.fixture
async def services(kept_in, tmp_path):
    async with stored_services(tmp_path / "home", kept_in, owner_ids=[11]) as found:
        await found.chats.set_role(12, "trader", NOW)
        for number, verdict in enumerate(
            (yes(""), yes("v1.0"), a_verdict(promoted=False), None), 1
        ):
            model = a_model(f"v{number}.0", created_at=NOW)
            await found.models.put(model, verdict, NOW)
        yield found


def yes(against):
    return a_verdict().model_copy(update={"against": against})


async def trail(services):
    events = await services.audit.newest(50)
    return [(event.action, event.verdict) for event in events]


async def test_what_the_gate_found_better_comes_into_use_and_back(services):
    first = await promote(ID, "v1.0", CLOCK, services)
    second = await promote(ID, "v2.0", TRADER, services)
    assert (first.champion, first.previous, first.changed_by) == ("v1.0", "", "schedule")
    assert (second.champion, second.previous, second.changed_by) == ("v2.0", "v1.0", "Bob")
    back = await roll_back(ID, OWNER, services)
    assert (back.champion, back.previous, back.changed_by) == ("v1.0", "", "Ann")
    assert back.changed_at > second.changed_at > NOW
    assert (await roll_back(ID, OWNER, services)).champion == ""
    with pytest.raises(RequestError, match="nothing to roll back"):
        await roll_back(ID, OWNER, services)
    [shelf] = await shelves(services)
    assert shelf.standing.champion == ""
    assert [row.version for row in shelf.versions] == ["v4.0", "v3.0", "v2.0", "v1.0"]


@pytest.mark.parametrize(
    ("version", "words"),
    [("v2.0", "judged against v1.0"), ("v3.0", "turned v3.0 down"), ("v4.0", "never judged")],
)
async def test_against_the_gate_only_an_owner_may_insist(services, version, words):
    with pytest.raises(GateObjectionError, match=words):
        await promote(ID, version, OWNER, services)
    for actor in (TRADER, CLOCK):
        with pytest.raises(NotAllowedError):
            await promote(ID, version, actor, services, forced=True)
    assert (await services.models.standing(ID)).champion == ""
    assert (await promote(ID, version, OWNER, services, forced=True)).champion == version
    newest, *_ = await services.audit.newest(1)
    assert newest.what["forced"] and words in newest.what["objection"]
    assert (newest.actor, newest.verdict, newest.action) == (OWNER, "accepted", "model_promote")


async def test_who_types_on_the_machine_and_whom_an_owner_made_one_may_insist(services):
    await services.chats.set_role(12, "owner", NOW)
    await promote(ID, "v3.0", TRADER, services, forced=True)
    assert (await promote(ID, "v4.0", SHELL, services, forced=True)).champion == "v4.0"


async def test_a_second_tap_changes_nothing(services):
    await promote(ID, "v1.0", OWNER, services)
    once = await promote(ID, "v2.0", OWNER, services)
    assert await promote(ID, "v2.0", OWNER, services) == once
    back = await roll_back(ID, OWNER, services, to="v1.0")
    assert await roll_back(ID, OWNER, services, to="v1.0") == back
    assert len(await services.models.history(ID)) == 3


async def test_an_expired_model_is_not_promoted_even_by_force(services):
    old = NOW - timedelta(days=91)
    await services.models.put(a_model("v5.0", created_at=old), yes(""), NOW)
    with pytest.raises(RequestError, match="older than the 90 days"):
        await promote(ID, "v5.0", OWNER, services, forced=True)


async def test_unknown_names_are_refused_with_what_there_is(services):
    for deed in (promote, shadow):
        with pytest.raises(ModelRefusedError, match=r"v9\.0 can't be used: it is not kept"):
            await deed(ID, "v9.0", OWNER, services)
        with pytest.raises(RequestError, match="Models: signal_classifier"):
            await deed("../x", "v1.0", OWNER, services)
    assert {verdict for _, verdict in await trail(services)} == {"refused"}


async def test_the_shadow_scores_beside_the_champion(services):
    await promote(ID, "v1.0", OWNER, services)
    with pytest.raises(RequestError, match="no challenger"):
        await switch_ab(ID, on=True, actor=OWNER, services=services)
    standing = await shadow(ID, "v3.0", TRADER, services)
    assert (standing.champion, standing.challenger, standing.ab) == ("v1.0", "v3.0", True)
    assert not (await switch_ab(ID, on=False, actor=TRADER, services=services)).ab
    assert (await switch_ab(ID, on=True, actor=TRADER, services=services)).ab
    with pytest.raises(RequestError, match="scores every signal already"):
        await shadow(ID, "v1.0", TRADER, services)
    assert await trail(services) == [
        ("model_shadow", "refused"), ("model_ab", "accepted"), ("model_ab", "accepted"),
        ("model_shadow", "accepted"), ("model_ab", "refused"), ("model_promote", "accepted"),
    ]  # fmt: skip


async def test_of_many_who_change_at_once_each_sees_what_the_others_did(services):
    await promote(ID, "v1.0", OWNER, services)
    await asyncio.gather(
        promote(ID, "v2.0", OWNER, services),
        shadow(ID, "v3.0", OWNER, services),
        shadow(ID, "v4.0", OWNER, services),
    )
    standing = await services.models.standing(ID)
    assert (standing.champion, standing.previous, standing.ab) == ("v2.0", "v1.0", True)
    assert standing.challenger in ("v3.0", "v4.0")
    assert len(await services.models.history(ID)) == 4


async def test_keeping_a_few(services):
    await promote(ID, "v1.0", OWNER, services)
    assert await keep_models(ID, 1, OWNER, services) == ["v3.0", "v2.0"]
    assert await keep_models(ID, 1, OWNER, services) == []
    with pytest.raises(RequestError, match="At least one"):
        await keep_models(ID, 0, OWNER, services)
    with pytest.raises(RequestError, match="no model 'x'"):
        await keep_models("x", 1, OWNER, services)
    newest = (await services.audit.newest(4))[-1]
    assert newest.what == {"model_id": ID, "count": 1, "removed": ["v3.0", "v2.0"]}


@pytest.mark.parametrize("kept_in", ["sqlite"], indirect=True)
async def test_a_former_champion_that_is_damaged_is_not_returned_to(services):
    await promote(ID, "v1.0", OWNER, services)
    await promote(ID, "v2.0", OWNER, services)
    (services.settings.home / "models" / ID / "v1.0" / "model.txt").write_text("tree\n")
    with pytest.raises(ModelRefusedError, match="damaged"):
        await roll_back(ID, OWNER, services)
    assert (await services.models.standing(ID)).champion == "v2.0"
    assert (await roll_back(ID, OWNER, services, to="")).champion == ""
