"""Tokens of the HTTP entry: made and shown once, known by their hash, ended for good."""

import hashlib
import hmac
import re
import secrets
from typing import Final

from flows.roles import RANK, role_of
from flows.services import Services
from flows.trail import write_trail
from pipeline.domain.entry import NAME_FORM, ApiToken
from pipeline.domain.errors import BadRequestError
from pipeline.domain.request import Actor

BEGINS: Final = "scout_"
_FORM: Final = re.compile(rf"{BEGINS}[A-Za-z0-9_\-]{{43}}")


async def new_token(
    name: str, user_id: int, role: str, actor: Actor, services: Services
) -> tuple[str, ApiToken]:
    """Make a token for a user who has at least this role; return the secret, shown this once.

    Raises
    ------
    BadRequestError
        The name is taken or no name, the role unknown, or more than the user has.
    """
    if not re.fullmatch(NAME_FORM, name):
        raise BadRequestError(
            f"{name!r} is no name of a token: up to 40 letters, digits, '.', '_' and '-'.",
            field="name", value=name,
        )  # fmt: skip
    if role not in RANK:
        raise BadRequestError(
            f"Unknown role '{role}': use {', '.join(RANK)}.",
            field="role", value=role, closest=tuple(RANK),
        )  # fmt: skip
    await _refuse_more_than_theirs(user_id, role, services)
    secret = BEGINS + secrets.token_urlsafe(32)
    token = ApiToken.model_validate({
        "name": name, "sha256": hash_of(secret), "user_id": user_id, "role": role,
        "created_at": services.clock(),
    })  # fmt: skip
    if not await services.tokens.add(token):
        raise BadRequestError(
            f"There is a token {name} already, maybe a revoked one; choose another name.",
            field="name", value=name,
        )  # fmt: skip
    await write_trail(services, actor, "token", {"new": name, "user_id": user_id, "role": role})
    return secret, token


async def _refuse_more_than_theirs(user_id: int, role: str, services: Services) -> None:
    theirs = await role_of(user_id, services)
    if theirs is None:
        raise BadRequestError(
            f"User {user_id} has no role; first: scout users add {user_id} --role {role}.",
            field="user", value=str(user_id),
        )  # fmt: skip
    if RANK[theirs] < RANK[role]:
        raise BadRequestError(
            f"User {user_id} is {theirs}; a token can't be {role}.",
            field="role", value=role, closest=(theirs,),
        )  # fmt: skip


async def revoke_token(name: str, actor: Actor, services: Services) -> None:
    """End a token; BadRequestError if there is none of that name that still works."""
    if not await services.tokens.revoke(name, services.clock()):
        working = tuple(t.name for t in await services.tokens.all() if t.revoked_at is None)
        raise BadRequestError(
            f"There is no token {name} that works.", field="name", value=name, closest=working
        )
    await write_trail(services, actor, "token", {"revoked": name})


async def known_token(secret: str, services: Services) -> ApiToken | None:
    """Return the working token with this secret, or None."""
    if not _FORM.fullmatch(secret):
        return None
    sha256 = hash_of(secret)
    token = await services.tokens.find(sha256)
    if token is None or not hmac.compare_digest(token.sha256, sha256):
        return None
    return token if token.revoked_at is None else None


def hash_of(secret: str) -> str:
    """Return the SHA-256 of a secret; it has 256 random bits, so no salt or stretching is due."""
    return hashlib.sha256(secret.encode()).hexdigest()
