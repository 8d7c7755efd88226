"""Starts parts, restarts the ones that die, and stops them all in time."""

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from flows.supervisor.output import Output
from flows.supervisor.parts import Part

Say = Callable[[str], None]
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0
_STEADY_SECONDS = 60.0
_LAST_WORDS = 1.0  # seconds that the pipe of a part that has ended may take to be read


class PartFailedError(Exception):
    """A part did not come up at all."""


def _die_with_parent() -> None:
    """Ask the kernel to end a part should the supervisor itself be killed (Linux only)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


@dataclass
class Watched:
    """A part with its process and its history."""

    part: Part
    output: Output
    say: Say
    process: asyncio.subprocess.Process | None = None
    restarts: int = 0
    stopping: bool = False
    since: float = 0.0
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    async def start(self) -> None:
        """Start the part and wait until it is ready.

        Raises
        ------
        PartFailedError
            If it exits, or is not ready in its time; with the end of its log.
        """
        await self._spawn()
        loop = asyncio.get_running_loop()
        until = loop.time() + self.part.ready_seconds
        while not await self.part.ready():
            if self.process is None or self.process.returncode is not None:
                raise PartFailedError(f"{self.part.name} stopped at once.\n{await self.tail()}")
            if loop.time() > until:
                raise PartFailedError(f"{self.part.name} is not ready.\n{await self.tail()}")
            await asyncio.sleep(0.05)

    async def _spawn(self) -> None:
        if self.part.ready_file is not None:
            self.part.ready_file.parent.mkdir(parents=True, exist_ok=True)
            self.part.ready_file.unlink(missing_ok=True)
        pipe = await self.output.opened()
        try:
            self.process = await asyncio.create_subprocess_exec(
                *self.part.command,
                stdout=pipe,
                stderr=pipe,
                stdin=asyncio.subprocess.DEVNULL,
                env={**os.environ, **self.part.env},
                cwd=self.part.cwd,
                start_new_session=True,
                preexec_fn=_die_with_parent,
                user=self.part.user,
                group=self.part.user,
            )
        finally:
            os.close(pipe)
        self.since = asyncio.get_running_loop().time()

    async def tail(self, lines: int = 8) -> str:
        """Return the end of what the part printed."""
        await asyncio.sleep(0.1)  # the pipe may hold its last words yet
        return self.output.tail(lines)

    async def keep(self) -> None:
        """Restart the part whenever it ends, with a growing pause, until it is to stop."""
        pause = _FIRST_PAUSE
        while self.process is not None:
            code = await self.process.wait()
            if self.stopping:
                return
            now = asyncio.get_running_loop().time()
            pause = _FIRST_PAUSE if now - self.since > _STEADY_SECONDS else pause
            self.say(f"{self.part.name} ended (code {code}); starting it again")
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            self.restarts += 1
            try:
                await self.start()
            except PartFailedError as error:
                self.say(str(error))
            else:
                self.say(f"{self.part.name} is up again (restart {self.restarts})")

    async def stop(self, spare: float = 0.0) -> bool:
        """Ask the part to end; kill its whole session if it doesn't. True if it went by itself.

        Parameters
        ----------
        spare
            Seconds that it may take beyond its own.
        """
        self.stopping = True
        process = self.process
        if process is None or process.returncode is not None:
            return True
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(self.part.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), self.part.stop_seconds + spare)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            return False
        return True


async def stop_all(waves: Sequence[Sequence[Watched]], say: Say) -> None:
    """Stop the parts wave after wave; those of one wave together.

    What a wave leaves of its time the later ones may use: on a busy machine a part is killed only
    when the whole has no time left.
    """
    for wave in waves:
        for watched in wave:
            watched.stopping = True
    clock = asyncio.get_running_loop().time
    spare = 0.0
    for wave in waves:
        began = clock()
        went = await asyncio.gather(*(watched.stop(spare) for watched in wave))
        own = max((watched.part.stop_seconds for watched in wave), default=0.0)
        spare = max(spare + own - (clock() - began), 0.0)
        for watched, clean in zip(wave, went, strict=True):
            if not clean:
                say(f"{watched.part.name} did not stop in time and was killed")
    outputs = [watched.output.end(_LAST_WORDS) for wave in waves for watched in wave]
    await asyncio.gather(*outputs)
