"""What the deployment of the live scan says of it: whether it rests, and which setups it asks."""

from flows.services import Services
from pipeline.setups.rules import SetupSpec

FLOW = "live_scan_flow"
ACTIVE = "active_setups"


async def setups_to_scan(services: Services) -> list[SetupSpec]:
    """Return the active setups that are scanned live.

    Those that deployments name in `active_setups`; all, where none names any. A deployment that is
    paused has no say; if all are, nothing is scanned. Where none is registered, all setups are.
    """
    active = await services.setups.active()
    entries = [e for e in await services.deployments.all() if e.flow_name == FLOW]
    awake = [entry for entry in entries if entry.status == "active"]
    if entries and not awake:
        return []
    named = {name for entry in awake for name in entry.spec.parameters.get(ACTIVE) or ()}
    return [spec for spec in active if not named or spec.setup_id in named]
