"""A schedule's times as Prefect flow runs: each asks what is due, which START then gets."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.states import Completed

from flows.prefect_shell import SURROUNDINGS
from flows.scheduling import fire_due


@flow(name="schedule_flow", retries=0, persist_result=False, validate_parameters=True)
async def schedule_flow(name: str) -> State[Any]:
    """Put to START what is due of the schedule `name`.

    Notes
    -----
    Prefect starts a run up to half a second before its time, and after downtime all that were
    missed. So what counts is the run's expected time, and which times nobody has claimed: the
    first late run does what the rule for missed times asks for, and the others find nothing.
    """
    services = SURROUNDINGS.get().services
    context = FlowRunContext.get()
    shown = None if context is None else context.flow_run
    expected = None if shown is None else shown.expected_start_time
    now = services.clock()
    fired = await fire_due(name, services, now if expected is None else max(now, expected))
    told = [f"{fire.outcome} {fire.run_id or fire.reason}" for fire in fired]
    return Completed(message="; ".join(told) or "nothing was due")
