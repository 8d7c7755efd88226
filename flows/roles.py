"""Roles: what a viewer, a trader and an owner may do, and who is which now."""

from typing import Final

from flows.services import Services
from pipeline.domain.errors import NotAllowedError
from pipeline.domain.request import Actor

RANK: Final[dict[str, int]] = {"viewer": 1, "trader": 2, "owner": 3}


async def role_of(user_id: int, services: Services) -> str | None:
    """Return a person's role; owners named in the settings are owners whatever is stored."""
    if user_id in services.settings.owner_ids:
        return "owner"
    return await services.chats.role(user_id)


def lower(one: str, other: str | None) -> str | None:
    """Return the lesser of two roles; None where one is missing."""
    if one not in RANK or other not in RANK:
        return None
    return min(one, other, key=RANK.__getitem__)


async def check_role(needed: str, actor: Actor, services: Services) -> None:
    """Refuse what only owners may ask for, by whatever channel it comes.

    Asked of who they are now: a schedule's maker may have lost the role since. What traders may do
    is held where they come in. The command line and the installation's own schedules are owners.
    """
    if needed != "owner" or actor.user_id is None:
        return
    role = await role_of(actor.user_id, services)
    if actor.role:
        role = lower(actor.role, role)
    if role != "owner":
        raise NotAllowedError(f"This needs the role owner; {actor.name or 'you'}: {role}.")
