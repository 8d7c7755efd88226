"""Where the embedded PostgreSQL of a home lies, and how it is reached."""

import hashlib
import os
import tempfile
from pathlib import Path

DATABASE = "prefect"


def has_own_postgres(home: Path) -> bool:
    """Tell whether a set has run in this home with a PostgreSQL of its own."""
    return (home / "postgres" / "PG_VERSION").exists()


def own_postgres_url(home: Path) -> str:
    """Return the SQLAlchemy URL of Prefect's database there."""
    return f"postgresql+asyncpg://scout@/{DATABASE}?host={sockets_of(home)}"


def sockets_of(home: Path) -> Path:
    """Return the private folder of its socket; short, as a socket's path has 107 bytes at most."""
    key = hashlib.sha256(str(home).encode()).hexdigest()[:12]
    user = os.getuid() if hasattr(os, "getuid") else 0
    return Path(tempfile.gettempdir()) / f"scout-pg-{user}-{key}"
