"""The check of held bars as a Prefect flow."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.prefect_shell import run_shown


@flow(name="data_quality_flow", retries=0, persist_result=False, validate_parameters=True)
async def data_quality_flow(run_id: str) -> State[Any]:
    """Run the queued check `run_id`."""
    return await run_shown(run_id)
