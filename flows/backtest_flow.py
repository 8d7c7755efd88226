"""The backtest as a Prefect flow."""

from dataclasses import replace
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.prefect_shell import SURROUNDINGS, run_shown


@flow(name="backtest_flow", retries=0, persist_result=False, validate_parameters=True)
async def backtest_flow(
    run_id: str, default_slippage: float = 1.0, default_spread: float = 2.0
) -> State[Any]:
    """Run the queued backtest `run_id`; defaults in points, for instruments that give none."""
    services = SURROUNDINGS.get().services
    defaults = {"default_slippage": default_slippage, "default_spread": default_spread}
    settings = services.settings.model_copy(update=defaults)
    return await run_shown(run_id, replace(services, settings=settings))
