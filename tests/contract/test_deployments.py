"""DeploymentStore: one suite over memory, SQLite and PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta

from pipeline.domain.deployment import DeploymentEntry, DeploymentSpec

NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)


def entry(name: str = "nightly_dax", **changes) -> DeploymentEntry:
    """Give an entry with every field filled."""
    spec = DeploymentSpec(
        name=name, flow="flows.backtest_flow", schedule="30 22 * * mon-fri",
        timezone="Europe/Berlin", work_pool="local_pool", tags=("nightly", "dax"),
        parameters={"text": "/backtest Frank_raid_v1 GER40 last 30d", "deep": {"a": [1, 2.5, None]}},
        concurrency_limit=2, description="after the close",
    )  # fmt: skip
    values = {
        "deployment_id": "5c0f", "name": name, "flow_name": "backtest_flow", "version": "0123456789",
        "schedule": spec.schedule, "last_run": NOW - timedelta(days=1), "next_run": NOW,
        "tags": spec.tags, "work_pool": "local_pool", "spec": spec, "applied_at": NOW,
    }  # fmt: skip
    return DeploymentEntry(**{**values, **changes})


async def test_nothing_is_registered_at_first(stores):
    store = stores.deployments()
    assert await store.all() == []
    assert await store.get("nightly_dax") is None
    assert not await store.set_status("nightly_dax", "paused")
    assert not await store.remove("nightly_dax")


async def test_an_entry_comes_back_whole_and_the_newest_counts(stores):
    await stores.deployments().put(entry())
    assert await stores.deployments().get("nightly_dax") == entry()
    changed = entry(version="9876543210", applied_at=NOW + timedelta(hours=1))
    await stores.deployments().put(changed)
    assert await stores.deployments().all() == [changed]


async def test_all_by_name_whatever_the_case(stores):
    for name in ("b", "B", "a_1", "a-1"):
        await stores.deployments().put(entry(name))
    assert [one.name for one in await stores.deployments().all()] == ["B", "a-1", "a_1", "b"]


async def test_paused_and_resumed_and_nothing_else_changes(stores):
    store = stores.deployments()
    await store.put(entry())
    assert await store.set_status("nightly_dax", "paused")
    assert await stores.deployments().get("nightly_dax") == entry(status="paused")
    assert await store.set_status("nightly_dax", "active")
    assert await stores.deployments().all() == [entry()]


async def test_removed_is_gone_and_the_others_stay(stores):
    for name in ("a", "b"):
        await stores.deployments().put(entry(name))
    assert await stores.deployments().remove("a")
    assert [one.name for one in await stores.deployments().all()] == ["b"]


async def test_many_at_once(stores):
    several = [stores.deployments() for _ in range(3)]
    await asyncio.gather(*(several[n % 3].put(entry(f"d{n % 4}")) for n in range(20)))
    assert len(await stores.deployments().all()) == 4
