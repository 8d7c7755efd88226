"""The scan as a Prefect flow that costs no time: entered before the close, left after the alerts.

Prefect's engine asks its server before the first line of a flow runs, and a server may be slow or
gone. So the flow run is begun some seconds ahead and its body waits for the close; if it isn't
there by then, the scan runs without it. Whoever comes first scans; the other one doesn't.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed

from flows.live_board import STEPS, Board
from pipeline.domain.live import LiveScanReport
from storage.telemetry import get_logger

log = get_logger(__name__)


@dataclass
class Appointment:
    """One scan at one close, with or without Prefect.

    Parameters
    ----------
    name
        Of the flow run.
    scan
        What is done at the close; it notes its steps on the board.
    board
        The scan's.
    """

    name: str
    scan: Callable[[], Awaitable[LiveScanReport]]
    board: Board
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    due: asyncio.Event = field(default_factory=asyncio.Event)
    _scan: asyncio.Task[LiveScanReport] | None = None

    @property
    def shown(self) -> bool:
        """Whether a flow run waits for the close."""
        return self.entered.is_set()

    def go(self) -> "asyncio.Task[LiveScanReport]":
        """Begin the scan, once; whether or not Prefect is there to show it."""
        if self._scan is None:
            self._scan = asyncio.ensure_future(self.scan())
            self.due.set()
        return self._scan


APPOINTMENT: ContextVar[Appointment | None] = ContextVar("appointment", default=None)
SCAN_NOW: ContextVar[Callable[[], Awaitable[LiveScanReport | None]] | None] = ContextVar(
    "scan_now", default=None
)
"""What the scanner's process does when a flow run was started by hand; None: it stands by."""


@flow(
    name="live_scan_flow", flow_run_name="{run}", retries=0, persist_result=False,
    validate_parameters=False,
)  # fmt: skip
async def live_scan_flow(
    run: str = "by hand",  # noqa: ARG001  (it names the run)
    active_setups: tuple[str, ...] = (),  # noqa: ARG001  (the scanner heeds it: `flows.live_limits`)
) -> State[Any]:
    """Wait for the close, then show the steps of the scan as they are done."""
    appointment = APPOINTMENT.get()
    if appointment is None:
        return await _by_hand()
    late = appointment.due.is_set()
    appointment.entered.set()
    if late:
        return Cancelled(message="scanned without Prefect, which came too late")
    await appointment.due.wait()
    steps = [_shown(step, appointment.board) for step in STEPS]
    await asyncio.gather(*steps, return_exceptions=True)
    report = await appointment.go()
    return _completed(report)


async def _by_hand() -> State[Any]:
    """Scan at once, in whichever process has the turn."""
    scan = SCAN_NOW.get()
    report = None if scan is None else await scan()
    if report is None:
        return Cancelled(message="this process does not watch: another has the turn, or no market")
    return _completed(report)


def _completed(report: LiveScanReport) -> State[Any]:
    return Completed(message=f"{report.signals_found} signals, {len(report.failed)} failed")


async def _shown(step: str, board: Board) -> None:
    """Show one step as a task run that lasts until all symbols have it behind them."""

    async def over() -> None:
        await board.over(step)

    shown = task(
        name=step, task_run_name=step, retries=0, cache_policy=NO_CACHE, persist_result=False
    )(over)
    await shown()


async def enter(appointment: Appointment) -> bool:
    """Begin the flow run of an appointment and see it through; False if Prefect failed.

    The scan is not in Prefect's hands: whatever fails here, it runs at its time.
    """
    APPOINTMENT.set(appointment)
    try:
        await live_scan_flow(appointment.name, return_state=True)
    except Exception as error:  # noqa: BLE001  (Prefect's trouble is not the scan's)
        log.warning("scan_not_shown", run_id=appointment.name, error=repr(error)[:200])
        return False
    return appointment.shown
