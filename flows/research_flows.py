"""Sweep, walk-forward, batch and the rule profile as Prefect flows."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.prefect_shell import run_shown


@flow(name="sweep_flow", retries=0, persist_result=False, validate_parameters=True)
async def sweep_flow(run_id: str) -> State[Any]:
    """Run the queued sweep `run_id`."""
    return await run_shown(run_id)


@flow(name="walkforward_flow", retries=0, persist_result=False, validate_parameters=True)
async def walkforward_flow(run_id: str) -> State[Any]:
    """Run the queued walk-forward `run_id`."""
    return await run_shown(run_id)


@flow(name="batch_flow", retries=0, persist_result=False, validate_parameters=True)
async def batch_flow(run_id: str) -> State[Any]:
    """Run the queued batch `run_id`."""
    return await run_shown(run_id)


@flow(name="profile_flow", retries=0, persist_result=False, validate_parameters=True)
async def profile_flow(run_id: str) -> State[Any]:
    """Run the queued rule profile `run_id`."""
    return await run_shown(run_id)
