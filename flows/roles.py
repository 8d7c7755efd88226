"""Roles: what a viewer, a trader and an owner may do, and who is which now."""

from typing import Final

from flows.services import Services

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
