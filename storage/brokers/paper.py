"""PaperBroker: orders on paper, kept with their signals and followed on later bars."""

from datetime import datetime
from typing import Literal

from pipeline.domain.live import Life, LifeState, Paper
from pipeline.domain.order import BrokerOrder, OrderState
from storage.live_ports import SignalStore


class PaperBroker:
    """A broker without a market; see `storage.market_ports.Broker`.

    An order's `client_id` is the id of a kept signal: the order lives in that signal's row, so
    an approval and its order can be one transaction (`SignalStore.answer`), and `place` then
    finds it there. Fills come with the bars, by whoever follows the signals.
    """

    def __init__(self, signals: SignalStore) -> None:
        self._signals = signals

    @property
    def name(self) -> str:
        """Its name for people."""
        return "paper"

    async def place(self, order: BrokerOrder, now: datetime) -> OrderState:
        """Place an order once; one that is there already is left as it is."""
        name = order.client_id
        record = await self._signals.get(name)
        if record is None:
            reason = f"there is no signal {name}"
            return OrderState(client_id=name, status="rejected", at=now, reason=reason)
        if record.paper is None:
            paper = Paper(plan=order.plan)
            await self._signals.live_on(name, record.life, paper=paper, now=now)
        placed = await self.find(name, now)
        if placed is None:
            return OrderState(client_id=name, status="unknown", at=now)
        return placed.model_copy(update={"lots": order.lots})

    async def find(self, client_id: str, now: datetime) -> OrderState | None:
        """Return what became of an order; None: none was placed."""
        record = await self._signals.get(client_id)
        if record is None or record.paper is None:
            return None
        life = record.paper.life
        status, price, reason = _told(life)
        at = life.as_of or now
        return OrderState(client_id=client_id, status=status, at=at, price=price, reason=reason)


Status = Literal["placed", "filled", "closed", "rejected"]


def _told(life: Life) -> tuple[Status, float | None, str]:
    """Return status, price and reason as a broker tells them; what died unfilled is closed."""
    if life.trade is not None:
        return "closed", life.trade.exit_price, life.trade.exit_reason.value
    if life.missed is not None:
        refused = life.state is LifeState.REFUSED
        return "rejected" if refused else "closed", None, life.missed.note
    return "placed" if life.state is LifeState.WAITING else "filled", life.entry_price, ""
