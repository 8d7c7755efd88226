"""`prefect.yaml`: the same deployments as a file that `prefect deploy --all` applies."""

from collections.abc import Sequence
from typing import Any

import yaml

from flows.registry import wanted_of
from pipeline.domain.deployment import DeploymentEntry

_HEAD = """\
# Made of {file} by `scout deploy --write-prefect-yaml`; edit that one, not this.
#
# `prefect deploy --all` in the folder of the program registers the same as `scout deploy`. The
# work pools have to be there. Schedules are not in here: they are kept by the product and put to
# START, so that each of their runs is checked, has its record and is in the trail.
"""


def prefect_yaml(entries: Sequence[DeploymentEntry], file: str) -> str:
    """Return the file's text."""
    deployments: list[dict[str, Any]] = []
    for entry in entries:
        wanted = wanted_of(entry)
        pool = {"name": wanted.pop("work_pool_name")}
        deployments.append({"name": entry.name, **wanted, "work_pool": pool})
    whole = {"name": "setup-scout", "pull": [], "deployments": deployments}
    return _HEAD.format(file=file) + yaml.safe_dump(whole, sort_keys=False, allow_unicode=True)
