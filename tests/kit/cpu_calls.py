"""Functions that tests call in computing processes."""

import os
import time

from pipeline.domain.errors import BadRequestError


def double(number: int) -> int:
    return 2 * number


def refuse() -> None:
    raise BadRequestError("no", field="x", value="1")


def unsendable() -> object:
    return lambda: None


def pid(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def priority() -> tuple[int, int]:
    return os.getpid(), os.nice(0)


def spin() -> None:
    while True:
        pass


def die() -> None:
    os._exit(9)
