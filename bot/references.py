"""The references under which the log has the facts of what a reader was refused."""

import numpy as np
import structlog

from pipeline.domain.errors import AppError
from storage.telemetry import error_reference

log = structlog.get_logger(__name__)


def note_refusal(error: AppError, user_id: int | None) -> str:
    """Log an expected failure under a new reference and return the reference."""
    reference = error_reference(np.random.default_rng())
    facts = {f"fact_{name}": str(value)[:200] for name, value in error.facts.items()}
    log.warning("request_failed", reference=reference, user_id=user_id, error=repr(error), **facts)
    return reference


def note_fault(error: BaseException, user_id: int | None) -> str:
    """Log an unforeseen failure with its traceback under a new reference and return that."""
    reference = error_reference(np.random.default_rng())
    log.error("handler_failed", reference=reference, user_id=user_id, exc_info=error)
    return reference
