"""Giving and taking roles, with a line in the trail."""

from bot.commands import UserChange
from bot.texts import en
from flows.services import Services
from pipeline.domain.request import Actor, AuditEvent


async def everyone(services: Services) -> dict[int, str]:
    """Return all roles; the owners named in the settings are among them."""
    stored = await services.chats.users()
    return {**stored, **dict.fromkeys(services.settings.owner_ids, "owner")}


async def change_role(change: UserChange, actor: Actor, services: Services) -> str:
    """Give or take a role and return the line that says so; never leaves the bot ownerless."""
    if change.user_id in services.settings.owner_ids and change.role != "owner":
        return en.USERS_FROM_SETTINGS
    roles = await everyone(services)
    others = [who for who, role in roles.items() if role == "owner" and who != change.user_id]
    if roles.get(change.user_id) == "owner" and change.role != "owner" and not others:
        return en.USERS_LAST_OWNER
    now = services.clock()
    await services.chats.set_role(change.user_id, change.role, now)
    event = AuditEvent(
        at=now,
        actor=actor,
        action="access",
        what={"user_id": change.user_id, "role": change.role},
        verdict="accepted",
    )
    await services.audit.append(event)
    return en.user_set(change.user_id, change.role)
