"""Who tests the chunks of a sweep: this installation's own processes, or a Dask cluster."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from flows import research_compute as compute
from flows.cpu import CpuPool, ProcessDiedError
from flows.research_compute import VariantsJob
from flows.services import Services
from pipeline.domain.errors import ServiceError

if TYPE_CHECKING:
    from pipeline.research.variants import Chunk


TIMEOUT = "5s"


class DaskDownError(ServiceError):
    """The Dask cluster doesn't answer, or can't run what it is given."""


class Crew(Protocol):
    """Tests chunks; `hands` is how many are worth having under way at a time."""

    hands: int

    async def test(self, job: VariantsJob, indices: Sequence[int]) -> "Chunk":
        """Test some variants; cancelling the call stops the work as soon as it can be."""
        ...


class LocalCrew:
    """The warm computing processes. Each reads the bars once, from the run's folder."""

    def __init__(self, cpu: CpuPool, hands: int, folder: Path) -> None:
        self.hands = hands
        self._cpu = cpu
        self._folder = folder

    async def test(self, job: VariantsJob, indices: Sequence[int]) -> "Chunk":
        """Test some variants; a process that died in the middle is replaced once."""
        try:
            return await self._cpu.run(compute.test_chunk, self._folder, job, indices)
        except ProcessDiedError:
            return await self._cpu.run(compute.test_chunk, self._folder, job, indices)


class DaskCrew:
    """A standing Dask cluster. The bars are sent once to each of its workers, as parquet.

    Chunks are plain Dask tasks: a Prefect task for each would add a record and some milliseconds,
    and nothing that the run's own record doesn't have.
    """

    def __init__(self, client: Any, frames: Any, hands: int) -> None:
        self.hands = hands
        self._client = client
        self._frames = frames

    async def test(self, job: VariantsJob, indices: Sequence[int]) -> "Chunk":
        """Test some variants on any worker; Dask itself tries again when one is lost."""
        future = self._client.submit(
            compute.test_chunk, self._frames, job, list(indices), pure=False, retries=1
        )
        try:
            found: Chunk = await future
        except asyncio.CancelledError:
            await future.cancel()
            raise
        return found


@asynccontextmanager
async def crew_for(services: Services, folder: Path) -> AsyncIterator[Crew]:
    """Give the crew that the settings name.

    Raises
    ------
    DaskDownError
        DASK_ADDRESS is set but Dask isn't installed, doesn't answer, or has no workers.
    """
    address = services.settings.dask_address
    if address is None:
        yield LocalCrew(services.cpu, services.settings.max_parallel_runs, folder)
        return
    client = await _client(address)
    try:
        threads = sum((await client.nthreads()).values())
        if not threads:
            raise DaskDownError(f"The Dask cluster at {address} has no workers.")
        frames = await asyncio.to_thread(compute.packed, folder)
        sent = await client.scatter(frames, broadcast=True, hash=False)
        yield DaskCrew(client, sent, threads)
    finally:
        await client.close()


async def _client(address: str) -> Any:
    try:
        from distributed import Client  # noqa: PLC0415  (an optional group)
    except ImportError:
        raise DaskDownError(
            "DASK_ADDRESS is set, but Dask is not installed: run `make dask`."
        ) from None
    try:
        opened: Any = Client(  # type: ignore[no-untyped-call]
            address, asynchronous=True, timeout=TIMEOUT, set_as_default=False
        )
        return await opened
    except (OSError, TimeoutError, ValueError) as error:
        raise DaskDownError(f"The Dask cluster at {address} doesn't answer.") from error
