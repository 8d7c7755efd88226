"""Memory habits of our processes: what one large file needed goes back to the system."""

import os

FRUGAL = {
    "MALLOC_ARENA_MAX": "2",  # instead of eight a core
    "MALLOC_TRIM_THRESHOLD_": "131072",
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # a pool of its own keeps for good what it once needed
    "OPENBLAS_NUM_THREADS": "1",  # no threads within one call
}
"""Environment that allocators read when a process starts."""


def tame_memory() -> None:
    """Set the habits for this process, as far as it reads them late, and for those it starts."""
    for name, value in FRUGAL.items():
        os.environ.setdefault(name, value)
