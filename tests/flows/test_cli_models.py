"""`scout models` on a home of its own."""

import asyncio

import pytest

from flows.adapters import utc_now
from flows.services import open_services
from flows.settings import Settings
from tests.flows.test_cli import scouts
from tests.kit.models import a_model, a_verdict

ID = "signal_classifier"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scout")
    asyncio.run(_fill(folder))
    return folder


async def _fill(folder):
    async with open_services(Settings(_env_file=None, scout_home=folder)) as services:
        now = utc_now()
        for number, verdict in enumerate((a_verdict(), a_verdict(promoted=False), None), 1):
            await services.models.put(a_model(f"v{number}.0", created_at=now), verdict, now)


def test_models_come_into_use_and_go(home):
    said = scouts(
        home,
        ["models"],
        ["models", "promote", ID, "v1.0"],
        ["models", "promote", ID, "v2.0"],
        ["models", "promote", ID, "v2.0", "--force"],
        ["models", "shadow", ID, "v3.0"],
        ["models", "ab", ID, "off"],
        ["models"],
        ["models", "rollback", ID],
        ["models", "rollback", ID, "none"],
        ["models", "keep", "1"],
        ["models", "promote", "nothing", "v1.0"],
        ["models", "ab", ID, "maybe"],
    )
    codes = [done.returncode for done in said]
    assert codes == [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 2]
    first, one, refused, forced, beside, off, listed, back, none, kept, unknown, _ = said
    assert first.stdout.splitlines()[0] == f"{ID}: no model in use"
    assert one.stdout == f"{ID}: v1.0 in use, a roll back returns to no model\n"
    assert refused.stderr.startswith("The gate turned v2.0 down. AUC 0.610")
    assert forced.stdout == f"{ID}: v2.0 in use, a roll back returns to v1.0\n"
    assert "v3.0 beside it (on)" in beside.stdout and "v3.0 beside it (off)" in off.stdout
    rows = [line.split() for line in listed.stdout.splitlines()[1:]]
    assert [(row[0], row[-1]) for row in rows] == [
        ("v3.0", "challenger"), ("v2.0", "champion"), ("v1.0", "previous"),
    ]  # fmt: skip
    assert "turned down, AUC 0.610 [0.550, 0.670]" in listed.stdout
    assert back.stdout.startswith(f"{ID}: v1.0 in use")
    assert none.stdout.startswith(f"{ID}: no model in use")
    assert kept.stdout == f"{ID}: removed nothing\n"
    assert unknown.stderr == f"There is no model 'nothing'. Models: {ID}.\n"


def test_without_models_it_says_how_to_get_one(tmp_path):
    [done] = scouts(tmp_path, ["models"])
    assert done.stdout == "No models yet: scout train makes one.\n"
