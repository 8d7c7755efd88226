"""A few rounds under fire; `make chaos` plays hundreds, with Prefect's server killed as well."""

from tests.chaos.__main__ import fire


async def test_some_rounds_under_fire_lose_nothing_and_double_nothing(tmp_path):
    verdict, played = await fire(tmp_path, rounds=6, seed=11, with_prefect=False)
    assert verdict.good, verdict
    assert verdict.alerted + verdict.late > 3
    assert sum(played.struck.values()) >= 5
