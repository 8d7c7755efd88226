"""The ticket: the terms of a signal as a person sees them, and what binds an answer to them."""

import hashlib
import json

from pipeline.domain.signal import Signal
from pipeline.domain.trade import Plan


def ticket_hash(signal: Signal, plan: Plan) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of a signal's terms.

    Two tickets with the same digits say the same: setup and version, symbol, timeframe, side,
    order, entry, stop, targets and every limit in time and price under which the order dies.
    """
    terms = {
        "setup": [signal.setup_id, signal.rule_version],
        "market": [signal.symbol, signal.tf.value, signal.known_at.isoformat()],
        "plan": plan.model_dump(mode="json", exclude={"signal_id"}),
    }
    words = json.dumps(terms, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(words.encode()).hexdigest()[:16]
