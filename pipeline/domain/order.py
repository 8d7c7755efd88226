"""An order as a broker takes it, and what the broker says of it."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.trade import Plan


class BrokerOrder(BaseModel):
    """One order with its brackets. `client_id` finds it again whatever happens: 31 at most."""

    model_config = ConfigDict(frozen=True)

    client_id: str = Field(min_length=1, max_length=31, pattern=r"^[\x21-\x7e]+$")
    symbol: str
    plan: Plan
    lots: float = Field(gt=0)


class OrderState(BaseModel):
    """What is known of an order; `unknown`: it may or may not be there, so never send again."""

    model_config = ConfigDict(frozen=True)

    client_id: str
    status: Literal["placed", "filled", "closed", "rejected", "unknown"]
    at: datetime
    price: float | None = None
    lots: float | None = None
    reason: str = ""
