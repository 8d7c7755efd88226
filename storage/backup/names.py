"""The names of files in a backup: which are allowed, and so where a file may be written."""

import re

from pipeline.domain.errors import DataError

DATABASE, PREFECT, HOME, OBJECTS = "database", "prefect", "home", "objects"
ROOTS = (DATABASE, PREFECT, HOME, OBJECTS)
LONGEST = 400
_PART = re.compile(r"[^\x00-\x1f/\\:*?\"<>|]{1,200}")


def checked_name(name: str) -> str:
    """Return a name that can only lead into the folder it is unpacked to.

    Raises
    ------
    DataError
        It is absolute, climbs with "..", is hidden, or no backup of ours has such a root.
    """
    parts = name.split("/")
    plain = all(_PART.fullmatch(part) and not part.startswith(".") for part in parts)
    if not plain or parts[0] not in ROOTS or len(parts) < 2 or len(name) > LONGEST:  # noqa: PLR2004
        raise DataError(f"The backup names a file that it may not hold: {name[:80]!r}.", name=name)
    return name
