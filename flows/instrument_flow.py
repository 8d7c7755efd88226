"""A look-up of symbols as a Prefect flow."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.prefect_shell import run_shown


@flow(name="instrument_flow", retries=0, persist_result=False, validate_parameters=True)
async def instrument_flow(run_id: str) -> State[Any]:
    """Run the queued look-up `run_id`."""
    return await run_shown(run_id)
