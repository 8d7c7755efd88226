"""The audit trail of what was asked of the product, accepted or refused."""

from typing import Any, Literal

from flows.services import Services
from pipeline.domain.errors import AppError
from pipeline.domain.request import Actor, AuditEvent


async def write_trail(
    services: Services,
    actor: Actor,
    action: str,
    what: dict[str, Any],
    *,
    refusal: AppError | None = None,
    run_id: str | None = None,
) -> None:
    """Write one line: accepted, or refused with the reason."""
    verdict: Literal["accepted", "refused"] = "accepted" if refusal is None else "refused"
    event = AuditEvent(
        at=services.clock(),
        actor=actor,
        action=action,
        what=what,
        verdict=verdict,
        reason="" if refusal is None else refusal.user_text,
        run_id=run_id,
    )
    await services.audit.append(event)
