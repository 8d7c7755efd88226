"""Prefect's own database: its server forgets by itself; whether it does is asked here."""

import base64
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from flows.settings import Settings
from flows.upkeep_parts.job import Job
from pipeline.domain.errors import AppError
from pipeline.domain.upkeep import PartReport

_SECONDS = 20.0
_GRACE = timedelta(days=1)  # the server looks once an hour, in small steps
_ENDED = ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]


async def prefect(job: Job) -> PartReport:
    """Tell the size of Prefect's database, and whether its server forgets what is old."""
    settings = job.services.settings
    if not settings.prefect_api_url:
        return PartReport(part="prefect", unit="", notes=("not used",))
    events, runs = (
        _since(job.now, settings.prefect_events_days),
        _since(job.now, settings.prefect_runs_days),
    )
    try:
        async with _session(settings) as session:
            url = settings.prefect_api_url.rstrip("/")
            all_runs = await _ask(session, f"{url}/flow_runs/count", {})
            late_runs = await _ask(session, f"{url}/flow_runs/count", _ended_before(runs))
            late = await _ask(session, f"{url}/events/filter", _events_before(events, job.now))
    except (aiohttp.ClientError, TimeoutError) as error:
        note = f"the server doesn't answer ({type(error).__name__}): nothing is known of its size"
        return PartReport(part="prefect", unit="", notes=(note, *await _size(job)))
    late_events = int(late["total"])
    notes = [f"{all_runs:,} flow runs are kept", *await _size(job)]
    if late_runs or late_events:
        notes.append(
            f"its server lags: {late_runs:,} flow runs and {late_events:,} events should be gone; "
            "see docs/retention.md"
        )
    return PartReport(part="prefect", unit="", notes=tuple(notes))


def _since(now: datetime, days: int) -> str:
    return (now - timedelta(days=days) - _GRACE).isoformat()


def _ended_before(moment: str) -> dict[str, Any]:
    return {"flow_runs": {"end_time": {"before_": moment}, "state": {"type": {"any_": _ENDED}}}}


def _events_before(moment: str, now: datetime) -> dict[str, Any]:
    since = (now - timedelta(days=3650)).isoformat()
    return {"filter": {"occurred": {"since": since, "until": moment}}, "limit": 1}


def _session(settings: Settings) -> aiohttp.ClientSession:
    headers = {}
    if settings.prefect_api_auth_string is not None:
        secret = settings.prefect_api_auth_string.get_secret_value()
        headers["Authorization"] = "Basic " + base64.b64encode(secret.encode()).decode()
    return aiohttp.ClientSession(
        headers=headers, timeout=aiohttp.ClientTimeout(total=_SECONDS), raise_for_status=True
    )


async def _ask(session: aiohttp.ClientSession, url: str, body: dict[str, Any]) -> Any:
    async with session.post(url, json=body) as answer:
        return await answer.json()


async def _size(job: Job) -> list[str]:
    """Say how large the database is, where its address is known."""
    care = job.services.upkeep.prefect
    if care is None:
        return ["PREFECT_DATABASE_URL is not set here: the size on the disk isn't known"]
    try:
        return [f"{await care.size() / 1e6:,.1f} MB on the disk"]
    except AppError as error:
        return [f"the size on the disk isn't known: {error.user_text}"]
