"""Whether a part works: `python -m flows.healthcheck`, asked by a container's health check.

Only the standard library is imported: the question is asked every few seconds in each container.
"""

import argparse
import http.client
import os
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

MAX_AGE = 45.0
"""Seconds without a sign of life; a part that waits for its database gives one every 30."""

ANSWER_LIMIT = 4.0


def main(words: list[str] | None = None) -> int:
    """Say in one line how the part is; 0 if it works, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m flows.healthcheck")
    parser.add_argument("--url", help="GET this instead of looking at SCOUT_READY_FILE")
    parser.add_argument("--max-age", type=float, default=MAX_AGE, metavar="SECONDS")
    asked = parser.parse_args(words)
    if asked.url:
        works, line = answers(asked.url)
    else:
        works, line = lives(Path(os.environ.get("SCOUT_READY_FILE", "")), asked.max_age)
    print(line)  # noqa: T201
    return 0 if works else 1


def lives(ready_file: Path, max_age: float) -> tuple[bool, str]:
    """Tell whether the part said that it is up and gave a sign of life lately.

    The file is written once the part works, and touched by its event loop from then on: a part
    that hangs, or has ended, lets it grow old.
    """
    if not ready_file.name:
        return False, "SCOUT_READY_FILE is not set"
    try:
        age = time.time() - ready_file.stat().st_mtime
    except OSError:
        return False, f"not up yet: there is no {ready_file}"
    if age > max_age:
        return False, f"no sign of life for {age:.0f} s"
    return True, f"up, last sign of life {max(age, 0):.0f} s ago"


def answers(url: str) -> tuple[bool, str]:
    """Tell whether a GET of `http://HOST:PORT/PATH` is answered with 200 in time."""
    where = urlsplit(url)
    wire = http.client.HTTPConnection(where.hostname or "", where.port, timeout=ANSWER_LIMIT)
    try:
        wire.request("GET", where.path or "/")
        status = wire.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return False, f"{url} doesn't answer: {type(error).__name__} {error}"
    finally:
        wire.close()
    return status == http.client.OK, f"{url} answered {status}"


if __name__ == "__main__":
    sys.exit(main())
