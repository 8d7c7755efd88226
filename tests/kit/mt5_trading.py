"""The trading half of the simulated MetaTrader: orders, positions, deals, and all that goes wrong.

`script` holds what becomes of the next orders; each word is used once, then "done" rules:

- done, partial (half), placed (executed some look-ups later)
- requote, price_changed, no_quotes, reject, no_money: refused by the server
- timeout_done, timeout_late, timeout_lost: 10012, and it was executed, is executed later, never
- raise_done, raise_lost: the call raises
- none_done, none_lost: None with an IPC time-out
"""

# ruff: noqa: PYI024 - the vendor's results are plain named tuples

from collections import Counter, deque, namedtuple

OrderResult = namedtuple(
    "OrderResult",
    "retcode deal order volume price bid ask comment request_id retcode_external request",
)
CheckResult = namedtuple(
    "CheckResult", "retcode balance equity profit margin margin_free margin_level comment request"
)
PositionInfo = namedtuple(
    "PositionInfo", "ticket identifier symbol magic comment volume price_open sl tp type time"
)
OrderInfo = namedtuple(
    "OrderInfo",
    "ticket symbol magic comment state type volume_initial volume_current price_open "
    "time_setup time_expiration",
)
DealInfo = namedtuple(
    "DealInfo", "ticket order position_id symbol magic comment entry volume price time"
)

REFUSALS = {
    "requote": (10004, "Requote"),
    "price_changed": (10020, "Price changed"),
    "no_quotes": (10021, "No quotes"),
    "reject": (10006, "Request rejected"),
    "no_money": (10019, "No money"),
}
CANCELED, FILLED, EXPIRED = 2, 4, 6
LATE_LOOKS = 5
DEAL, PENDING = 1, 5


class SimulatedTrading:
    """A hedging account. `executed` counts, by magic number, how often an order came through."""

    def __init__(self) -> None:
        self._error = (1, "Success")
        self.algo = True
        self.comment_limit = 31
        self.script: deque[str] = deque()
        self.executed: Counter[int] = Counter()
        self.requests: list[dict] = []
        self.positions: list[PositionInfo] = []
        self.orders: list[OrderInfo] = []
        self.past: list[OrderInfo] = []
        self.deals: list[DealInfo] = []
        self._late: list[list] = []
        self._ticket = 1000

    # --- the package's functions ---------------------------------------------------------------
    def order_check(self, request: dict):
        code, words = self._fault(request)
        found = CheckResult(code, 0, 0, 0, 0, 0, 0, words, request)
        return self._done("order_check", found)

    def order_send(self, request: dict):
        self.requests.append(dict(request))
        if len(request["comment"]) > 31:
            return self._done("order_send", None, -2, 'Invalid "comment" argument')
        code, words = self._fault(request)
        if code:
            return self._done("order_send", self._result(code, words, request))
        fate = self.script.popleft() if self.script else "done"
        if fate in REFUSALS:
            return self._done("order_send", self._result(*REFUSALS[fate], request))
        return self._carry_out(fate, request)

    def positions_get(self):
        self._one_look()
        return self._done("positions_get", tuple(self.positions))

    def orders_get(self):
        self._one_look()
        return self._done("orders_get", tuple(self.orders))

    def history_orders_get(self, first: int, last: int):
        self._one_look()
        found = tuple(o for o in self.past if first <= o.time_setup <= last)
        return self._done("history_orders_get", found)

    def history_deals_get(self, first: int = 0, last: int = 1 << 40, position: int | None = None):
        self._one_look()
        wanted = (lambda d: d.position_id == position) if position is not None else (
            lambda d: first <= d.time <= last
        )  # fmt: skip
        return self._done("history_deals_get", tuple(d for d in self.deals if wanted(d)))

    # --- what the market does with them ---------------------------------------------------------
    def fill(self, ticket: int) -> None:
        """Fill a pending order whole."""
        order = next(o for o in self.orders if o.ticket == ticket)
        self.orders.remove(order)
        self.past.append(order._replace(state=FILLED, volume_current=0.0))
        self._open(
            order.symbol,
            order.magic,
            order.comment,
            order.volume_initial,
            order.price_open,
            ticket,
        )

    def end(self, ticket: int, state: int = EXPIRED) -> None:
        """Let a pending order end without a fill."""
        order = next(o for o in self.orders if o.ticket == ticket)
        self.orders.remove(order)
        self.past.append(order._replace(state=state))

    def close_out(self, position: int, price: float, *, magic: int | None = None) -> None:
        """Close a position; a person's hand leaves magic 0 on the deal."""
        found = next(p for p in self.positions if p.ticket == position)
        self.positions.remove(found)
        used = found.magic if magic is None else magic
        self.deals.append(
            DealInfo(
                self._next(),
                self._next(),
                position,
                found.symbol,
                used,
                "[sl]",
                1,
                found.volume,
                price,
                self._wall(),
            )
        )

    def settle(self) -> None:
        """Let all that is on its way come through."""
        for _ in range(LATE_LOOKS):
            self._one_look()

    def _carry_out(self, fate: str, request: dict):
        how, _, what = fate.partition("_")
        if fate == "placed" or what == "late":
            self._late.append([LATE_LOOKS, request])
        elif what != "lost":
            self._execute(request, share=0.5 if fate == "partial" else 1.0)
        if how == "raise":
            self._done("order_send", None)
            raise RuntimeError("the terminal fell over")
        if how == "none":
            return self._done("order_send", None, -10005, "IPC timeout")
        if how == "timeout":
            return self._done("order_send", self._result(10012, "Request timeout", request))
        code = {"partial": 10010, "placed": 10008}.get(fate, 10009)
        return self._done("order_send", self._result(code, "Request executed", request))

    def _execute(self, request: dict, share: float = 1.0) -> None:
        magic, comment = request["magic"], request["comment"][: self.comment_limit]
        self.executed[magic] += 1
        ticket = self._next()
        volume = round(request["volume"] * share, 2)
        price = request.get("price") or self.newest_tick(request["symbol"])[2]
        order = OrderInfo(
            ticket, request["symbol"], magic, comment, 1, request["type"], request["volume"],
            request["volume"], price, self._wall(), request.get("expiration", 0),
        )  # fmt: skip
        if request["action"] == PENDING:
            self.orders.append(order)
            return
        self.past.append(order._replace(state=FILLED, volume_current=request["volume"] - volume))
        self._open(request["symbol"], magic, comment, volume, price, ticket)

    def _open(
        self, symbol: str, magic: int, comment: str, volume: float, price: float, order: int
    ) -> None:
        ticket = self._next()
        self.positions.append(
            PositionInfo(
                ticket, ticket, symbol, magic, comment, volume, price, 0.0, 0.0, 0, self._wall()
            )
        )
        self.deals.append(
            DealInfo(
                self._next(), order, ticket, symbol, magic, comment, 0, volume, price, self._wall()
            )
        )

    def _one_look(self) -> None:
        for each in self._late:
            each[0] -= 1
        for each in [e for e in self._late if e[0] <= 0]:
            self._late.remove(each)
            self._execute(each[1])

    def _fault(self, request: dict) -> tuple[int, str]:
        info = self.info.get(request["symbol"])
        if not self.algo:
            return 10027, "AutoTrading disabled by client"
        if info is None or request["symbol"] not in self.selected:
            return 10013, "Invalid request"
        steps = request["volume"] / info.volume_step
        if (
            not info.volume_min <= request["volume"] <= info.volume_max
            or abs(steps - round(steps)) > 1e-6
        ):
            return 10014, "Invalid volume"
        known = info.filling_mode & (1 << request["type_filling"])
        free = not info.filling_mode and request["type_filling"] == 2
        if request["action"] == DEAL and not (known or free):
            return 10030, "Unsupported filling mode"
        return self._bad_stops(request)

    def _bad_stops(self, request: dict) -> tuple[int, str]:
        buys = request["type"] in (0, 2)
        price = request.get("price") or self.newest_tick(request["symbol"])[2]
        low, high = (request["sl"], request["tp"]) if buys else (request["tp"], request["sl"])
        return (0, "Done") if low < price < high else (10016, "Invalid stops")

    def _result(self, code: int, words: str, request: dict) -> OrderResult:
        good = code in (10008, 10009, 10010)
        price = self.positions[-1].price_open if good and self.positions else 0.0
        volume = {10009: request["volume"], 10010: round(request["volume"] / 2, 2)}.get(code, 0.0)
        _, bid, ask = self.newest_tick(request["symbol"])
        return OrderResult(
            code, 0, self._ticket if good else 0, volume, price, bid, ask, words, 1, 0, request
        )

    def _wall(self) -> int:
        return int(self._server()) + 3 * 3600

    def _next(self) -> int:
        self._ticket += 1
        return self._ticket
