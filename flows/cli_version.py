"""The product's version on the command line."""

import platform

from flows.cli_app import app, say
from pipeline.domain.product import PRODUCT, VERSION
from storage.revisions import newest_revision


@app.command()
def version() -> None:
    """Tell the version, and the revision that its database has."""
    python = platform.python_version()
    say([f"{PRODUCT} {VERSION}, database revision {newest_revision()}, Python {python}"])
