"""Putting Prefect's own database back: into a server that is named, or into the home's own."""

import asyncio
import shutil
from subprocess import SubprocessError

from flows.settings import Settings
from flows.supervisor.postgres import EmbeddedPostgres, serving
from pipeline.domain.errors import AppError
from storage.backup.databases import is_empty, restore_dump
from storage.backup.restoring import Restored


async def restore_prefect(found: Restored, settings: Settings) -> list[str]:
    """Restore the dump of Prefect's database, if there is one; return what is said of it.

    A failure is told and ends nothing: Prefect's rows are a view of ours, and its server makes
    new ones.
    """
    if found.prefect is None:
        return ["  Prefect's database is not in the backup; its server begins with an empty one"]
    if not settings.use_prefect:
        return [f"  Prefect is not used; the dump of its database is {found.prefect}"]
    try:
        if settings.prefect_database_url is not None:
            where = await _into(settings.prefect_database_url.get_secret_value(), found)
        else:
            own = EmbeddedPostgres(settings.home)
            async with serving(own):
                where = await _into(own.url, found)
    except (AppError, OSError, RuntimeError, SubprocessError) as error:
        text = error.user_text if isinstance(error, AppError) else str(error)
        return [f"  Prefect's database was not restored: {text} The dump is {found.prefect}"]
    await asyncio.to_thread(shutil.rmtree, found.prefect.parent, ignore_errors=True)
    return [f"  Prefect's database is restored{where}"]


async def _into(url: str, found: Restored) -> str:
    assert found.prefect is not None  # noqa: S101  (asked before)
    if not await is_empty(url):
        raise AppError("its database is not empty.")
    await restore_dump(url, found.prefect)
    return ""
