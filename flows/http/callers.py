"""Who asks over HTTP: the token, its role now, its pace."""

import math
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from flows.http.problems import ProblemError
from flows.roles import RANK, lower, role_of
from flows.services import Services
from flows.tokens import known_token
from flows.trail import write_trail
from pipeline.domain.entry import ApiToken
from pipeline.domain.errors import NotAllowedError
from pipeline.domain.request import Actor, Channel, Run

bearer = HTTPBearer(auto_error=False, description="a token that `scout tokens new` made: scout_…")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


@dataclass(frozen=True)
class Caller:
    """A token and what it may do now: the lesser of its own role and its user's."""

    token: ApiToken
    role: str
    users_role: str

    @property
    def sees_all(self) -> bool:
        """Whether everybody's runs are shown: to owners, and to what only looks for an owner."""
        return self.role == "owner" or (self.role == "viewer" and self.users_role == "owner")

    def may_see(self, run: Run) -> bool:
        """Whether a run is shown to this caller."""
        return self.sees_all or run.actor.user_id == self.token.user_id

    def actor(self, *, chat: bool = False, key: str = "") -> Actor:
        """Return who asks; with `chat` the user's private chat is told of the run."""
        user = self.token.user_id
        return Actor(
            channel=Channel.HTTP, user_id=user, chat_id=user if chat else None,
            name=f"token {self.token.name}", role=self.role, request_key=key,
        )  # fmt: skip


async def caller_of(request: Request, credentials: Credentials) -> Caller:
    """Return who asks by `Authorization: Bearer`."""
    return await caller_with(request, credentials.credentials if credentials else None)


Known = Annotated[Caller, Depends(caller_of)]


async def caller_with(request: Request, secret: str | None) -> Caller:
    """Return whose secret it is; 401 without a good one, 403 without a role, 429 if too often."""
    services: Services = request.app.state.services
    if not secret:
        raise _unknown("A token is missing: send Authorization: Bearer scout_….")
    token = await known_token(secret, services)
    if token is None:
        raise _unknown("The token is unknown or revoked; `scout tokens new` makes one.")
    users = await role_of(token.user_id, services)
    role = lower(token.role, users)
    if users is None or role is None:
        raise ProblemError(
            403, f"User {token.user_id} has no role any more; `scout users add` gives one."
        )
    caller = Caller(token, role, users)
    request.state.caller = caller
    await _pace(caller, services)
    return caller


async def need(role: str, caller: Caller, action: str, services: Services) -> None:
    """Refuse, with a line in the trail, what the caller's role doesn't permit."""
    if RANK[caller.role] >= RANK[role]:
        return
    refusal = NotAllowedError(
        f"This needs the role {role}; the token {caller.token.name} is {caller.role} now."
    )
    await write_trail(services, caller.actor(), action, {}, refusal=refusal)
    raise refusal


async def _pace(caller: Caller, services: Services) -> None:
    """Refuse a token that asks too often."""
    most = services.settings.http_rate
    wait = await services.rates.take(f"http:{caller.token.sha256[:16]}", most)
    if wait > 0:
        seconds = str(math.ceil(wait))
        raise ProblemError(
            429, f"More than {most} requests a minute; again in {seconds} s.",
            headers={"Retry-After": seconds},
        )  # fmt: skip


def _unknown(detail: str) -> ProblemError:
    return ProblemError(401, detail, headers={"WWW-Authenticate": "Bearer"})
