"""Which chats are owed an alert of a signal, and how."""

from collections import defaultdict
from datetime import datetime, timedelta

from flows.services import Services
from pipeline.domain.live import AlertFor, LiveSignal
from pipeline.domain.watch import Watch
from pipeline.live.routing import replayed, route, wants

_HOUR = timedelta(hours=1)
_SOON = timedelta(seconds=1)  # what was accepted this very moment counts too


async def alerts_for(
    draft: LiveSignal, services: Services, *, now: datetime, only_chat: int | None = None
) -> list[AlertFor]:
    """Return what each chat is owed of a signal; empty where nobody is to hear of it.

    Parameters
    ----------
    now
        By this machine's clock, in replays too: wishes are about people's lives, not the market's.
    only_chat
        The chat that asked for the replay this signal comes from; nobody else hears of it.

    Warnings
    --------
    Limits count what is owed already. Admit a signal before routing the next one: those routed
    side by side don't know of each other.
    """
    kind = draft.decision.decision
    if not kind.alerts:
        return []
    if only_chat is not None:
        watch = await services.watches.get(only_chat) or Watch(chat_id=only_chat)
        alert = replayed(kind, draft.signal, watch, now=now)
        return [alert] if alert else []
    watches = [
        w for w in await services.watches.everyone() if wants(kind, draft.signal, w, now=now)
    ]
    if not watches:
        return []
    lately = await _given_lately(services, draft.origin, now)
    found = (route(kind, draft.signal, w, lately[w.chat_id], now=now) for w in watches)
    return [alert for alert in found if alert]


async def _given_lately(
    services: Services, origin: str, now: datetime
) -> defaultdict[int, list[datetime]]:
    """Return when each chat was given alerts in the last hour; owed ones count as given now."""
    lately: defaultdict[int, list[datetime]] = defaultdict(list)
    for sent in await services.signals.accepted_between(now - _HOUR, now + _SOON, origin):
        lately[sent.chat_id].append(sent.accepted_at)
    for chat_id, count in (await services.signals.owed(origin)).items():
        lately[chat_id].extend([now] * count)
    return lately
