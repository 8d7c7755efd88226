"""The revisions of the database that this version knows, from the files of its migrations."""

from pathlib import Path

from alembic.script import ScriptDirectory

MIGRATIONS = Path(__file__).parent / "migrations"


def known_revisions() -> list[str]:
    """Return the revisions, oldest first."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    return [script.revision for script in scripts.walk_revisions()][::-1]


def newest_revision() -> str:
    """Return the revision that this version works with."""
    return known_revisions()[-1]
