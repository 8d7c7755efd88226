"""What owners are told of models by themselves: refused, expired, broken promises; each once."""

import hashlib
from typing import Any

from flows.owners import notify_owners
from flows.services import Services
from pipeline.domain.errors import ModelRefusedError
from pipeline.domain.model import ModelManifest, ModelStanding


async def tell_refused(
    model_id: str, version: str, why: ModelRefusedError, services: Services
) -> int:
    """Tell that a version can't be used, once for each reason."""
    reason = hashlib.sha256(why.user_text.encode()).hexdigest()[:12]
    said = f"{why.user_text[:1].upper()}{why.user_text[1:]}"
    text = f"{said}.\nThe model before it stays in use, if there is one. /models shows them all."
    return await tell_owners(text, f"refused:{model_id}:{version}:{reason}", services)


async def tell_expired(manifest: ModelManifest, services: Services) -> int:
    """Tell that a model is too old to be used, once."""
    text = (
        f"Model {manifest.version} is older than {manifest.expiry_days} days and is not used any "
        "more: the rules decide alone, and alerts say so. /train makes a new one."
    )
    return await tell_owners(text, f"expired:{manifest.model_id}:{manifest.version}", services)


async def tell_owners(
    text: str, key: str, services: Services, *, standing: ModelStanding | None = None
) -> int:
    """Owe each owner a notice, once for each key; return how many were owed.

    Parameters
    ----------
    standing
        What is in use, where the notice is to have a button that rolls it back.
    """
    payload: dict[str, Any] = {"text": text}
    if standing is not None:
        payload["in_use"] = standing.model_dump(
            mode="json", include={"model_id", "champion", "previous"}
        )
    return await notify_owners(payload, f"model:{key}", services)
