"""What a part prints: read from its pipe and kept as log lines, rotated as all others are.

Our own parts write their log lines themselves; what they print besides is the last word of a
crash. Servers print everything. The pipe holds a part up rather than lose a line.
"""

import asyncio
import os
import time
from collections import deque
from typing import Final

from storage.log_files import LogFile, plain_line
from storage.scrubbing import masked

_CHUNK: Final = 65_536
_LONGEST: Final = 16_384  # bytes of one line; what is longer goes on in the next
_TAIL: Final = 200


class Output:
    """Keeps what the processes of one part print, one after the other."""

    def __init__(self, log: LogFile) -> None:
        self._log = log
        self._last: deque[str] = deque(maxlen=_TAIL)
        self._readers: set[asyncio.Task[None]] = set()

    async def opened(self) -> int:
        """Return the end of a new pipe that a process is to print to; close it once it has it."""
        reading, writing = os.pipe()
        stream = asyncio.StreamReader(limit=_CHUNK)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading, "rb", 0)
        )
        task = asyncio.create_task(self._keep(stream))
        self._readers.add(task)
        task.add_done_callback(self._readers.discard)
        return writing

    async def _keep(self, stream: asyncio.StreamReader) -> None:
        rest = b""
        while chunk := await stream.read(_CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            while len(rest) >= _LONGEST:
                lines.append(rest[:_LONGEST])
                rest = rest[_LONGEST:]
            for line in lines:
                self._keep_line(line)
        if rest:
            self._keep_line(rest)

    def _keep_line(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip()
        if not text:
            return
        self._last.append(text)
        now = time.time()
        try:
            self._log.write(plain_line(self._log.name, text, now, masked), now)
        except OSError:  # a full disk: the part must not stand still because of it
            return

    async def end(self, limit: float) -> None:
        """Read what is left in the pipes; children that outlive a part may hold them open."""
        if self._readers:
            await asyncio.wait(self._readers, timeout=limit)
        for task in self._readers:
            task.cancel()
        self._log.close()

    def tail(self, lines: int) -> str:
        """Return the last lines that were printed."""
        return "\n".join(list(self._last)[-lines:])
