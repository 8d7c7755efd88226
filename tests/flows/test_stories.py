"""Every kind of run is complete, and another kind runs by the same way as a backtest."""

import asyncio

import pytest
from pydantic import BaseModel

from bot.commands import ROLE_OF_COMMAND
from bot.reports import VIEWS
from bot.texts.en import TASK_WORDS
from flows import control
from flows.cli_reports import LINES
from flows.deployment_file import SHIPPED, read_file
from flows.launcher import deployment_of
from flows.stories import STORIES
from flows.story import Story
from flows.tasks import Note
from pipeline.domain.errors import BadRequestError
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Actor, Channel, RunStatus
from tests.kit.deliveries import owed
from tests.kit.plain_services import plain_services

OWNERS_OWN = {"backup", "upkeep"}
CHAT = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)


@pytest.mark.parametrize("story", STORIES.values(), ids=list(STORIES))
def test_every_kind_of_run_can_be_asked_for_shown_and_deployed(story):
    if story.command != "live":  # whose other words are for viewers: see the access of /live
        owners = story.command in OWNERS_OWN
        assert ROLE_OF_COMMAND[story.command] == ("owner" if owners else "trader")
    assert story.flow_type in VIEWS
    assert story.flow_type in LINES
    assert set(story.tasks) <= set(TASK_WORDS)
    deployed = {f"{d.flow.removeprefix('flows.')}/{d.name}" for d in read_file(SHIPPED).specs}
    assert deployment_of(story.flow_type) in deployed


class Count(BaseModel):
    to: int


class Counted(BaseModel):
    flow_type: str = "count_flow"
    total: int


def parse_count(text, known, today):
    word = text.split()[-1]
    if not word.isdecimal():
        raise BadRequestError("Count to which number?", field="to", value=word, closest=("3",))
    return Count(to=int(word))


async def check_count(request, services):
    return request.model_copy(update={"to": min(request.to, 3)})


async def tell_count(request, run, services, runner):
    async def work():
        for i in range(request.to):
            await runner.tell(Note(i / request.to, f"{i} of {request.to}"))
            await asyncio.sleep(0)
        return Counted(total=request.to)

    return await runner.critical("counting", Counted, work)


COUNT = Story(
    flow_type="count_flow",
    prefix="run",
    command="count",
    request=Count,
    tasks=("counting",),
    parse=parse_count,
    check=check_count,
    title=lambda request: f"Count to {request.to}",
    tell=tell_count,
)


@pytest.fixture
async def services(tmp_path, monkeypatch):
    monkeypatch.setitem(STORIES, COUNT.flow_type, COUNT)
    async with plain_services(tmp_path) as given:
        yield given


async def test_another_kind_of_run_goes_by_the_same_way(services):
    seen = []
    put = services.outbox.put

    async def noting(chat_id, kind, payload, **more):
        seen.append((kind, payload))
        return await put(chat_id, kind, payload, **more)

    services.outbox.put = noting
    run = await control.launch_text("/count 9", CHAT, services)
    await services.launcher.wait(run.run_id)
    run = await services.runs.get(run.run_id)
    assert run.run_id.startswith("run_")
    assert (run.status, run.request, run.report["total"]) == (RunStatus.COMPLETED, {"to": 3}, 3)
    notes = [p["note"] for kind, p in seen if "note" in p]
    assert notes == ["0 of 3", "1 of 3", "2 of 3"]
    percents = [p["percent"] for kind, p in seen if kind is DeliveryKind.PROGRESS]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    [trail] = await services.audit.newest(5)
    assert (trail.action, trail.verdict, trail.run_id) == ("count", "accepted", run.run_id)
    assert [d.payload["title"] for d in await owed(services.outbox)] == ["Count to 3"]


async def test_its_refusal_is_in_the_trail_and_starts_nothing(services):
    with pytest.raises(BadRequestError):
        await control.launch_text("/count many", CHAT, services)
    [trail] = await services.audit.newest(5)
    assert (trail.action, trail.verdict, trail.run_id) == ("count", "refused", None)
    assert await services.runs.newest(5) == []
