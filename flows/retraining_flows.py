"""Collecting and retraining as Prefect flows: a queued run, or one that begins here.

With `run_id` they run what START has queued. With `symbol` instead, as schedules and
`prefect deployment run` give it, START queues the run here and it is executed at once.
"""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.control import queue
from flows.prefect_shell import SURROUNDINGS, run_shown
from pipeline.domain.exchange import CollectRequest, RetrainRequest, market_named
from pipeline.domain.request import Actor, Channel

SCHEDULED = Actor(channel=Channel.SCHEDULE, name="prefect")


@flow(name="data_collection", retries=0, persist_result=False, validate_parameters=True)
async def data_collection(run_id: str = "", symbol: str = "", days: int = 30) -> State[Any]:
    """Run the queued collection `run_id`, or collect `symbol`."""
    if run_id:
        return await run_shown(run_id)
    request = CollectRequest(symbol=market_named(symbol), days=days)
    run = await queue(request, SCHEDULED, SURROUNDINGS.get().services)
    return await run_shown(run.run_id)


@flow(name="model_retraining", retries=0, persist_result=False, validate_parameters=True)
async def model_retraining(run_id: str = "", symbol: str = "", days: int = 30) -> State[Any]:
    """Run the queued retraining `run_id`, or retrain the model of `symbol`."""
    if run_id:
        return await run_shown(run_id)
    request = RetrainRequest(symbol=market_named(symbol), days=days, trigger="scheduled")
    run = await queue(request, SCHEDULED, SURROUNDINGS.get().services)
    return await run_shown(run.run_id)
