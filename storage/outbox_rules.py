"""The rules of a chat's queue, whatever it is kept in.

Within a chat, of what waits:
1. An ALERT that has not been sent yet goes before everything else.
2. Then come all others in the order of their ids.
3. An ALERT that was sent already (it has message ids) is an edit: it goes only when nothing
   else that is due is owed to that chat, and never holds up others, not even while it waits
   for its retry time.
What is under way is never overtaken, and what waits for its retry time holds up the rest of
its own rank and those after it, edits apart. So one chat has one delivery under way at a time.
"""

from pipeline.domain.report import DeliveryKind

ALERT_FIRST, IN_TURN, EDIT = 0, 1, 2
"""Ranks in a queue; of the same rank the lower id goes first."""

REPLACEABLE = (DeliveryKind.PROGRESS, DeliveryKind.ALERT)
"""One row for ever: a new payload replaces the held one and is owed again."""


def first_rank(kind: DeliveryKind) -> int:
    """Return the rank of a delivery that was never sent."""
    return ALERT_FIRST if kind is DeliveryKind.ALERT else IN_TURN
