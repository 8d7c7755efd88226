"""Logging: one line per event with its facts as fields, and no secret in any of them.

The composition roots call `configure_logging` once, after their imports. Everything else asks
`get_logger(__name__)` and says `log.info("what_happened", fact=…)`; the lines of libraries
(aiogram, Prefect, SQLAlchemy) go through the same processors.
"""

import logging
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, TextIO, cast

import numpy as np
import structlog
from structlog.contextvars import bound_contextvars
from structlog.typing import EventDict, Processor, WrappedLogger

from pipeline.domain.errors import AppError
from storage.log_files import LogFile, LogFileHandler
from storage.scrubbing import masked, scrubbed

_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that look like another
_plain_record = logging.getLogRecordFactory()


def configure_logging(
    stream: TextIO | None,
    level: str | int = "INFO",
    *,
    json: bool = True,
    file: LogFile | None = None,
) -> None:
    """Send all log lines to `stream`: JSON for machines, or aligned text for people.

    Parameters
    ----------
    stream
        Where lines go; the caller keeps and closes it. None: nowhere.
    level
        "DEBUG", "INFO" … : lines below are dropped, of libraries too.
    file
        Gets all lines too, always as JSON, with the process's name and number in each.

    Notes
    -----
    Handlers that libraries have put on their own loggers to write to the console are removed;
    other handlers (Prefect's to its server) stay, and get records without secrets.
    """
    before = _before_rendering()
    handlers: list[logging.Handler] = []
    if stream is not None:
        handlers.append(_formatted(logging.StreamHandler(stream), _rendering(json=json)))
    if file is not None:
        named = _Named(file.name)
        handlers.append(_formatted(LogFileHandler(file), _rendering(json=True, first=(named,))))
    root = logging.getLogger()
    root.handlers[:] = handlers or [logging.NullHandler()]
    root.setLevel(level)
    logging.setLogRecordFactory(_scrubbed_record)
    logging.captureWarnings(capture=True)
    _route_libraries()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # so that configuring again reaches every logger
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def run_context(run_id: str) -> AbstractContextManager[None]:
    """Give every line logged inside (this task and those it starts) the field run_id."""
    return cast("AbstractContextManager[None]", bound_contextvars(run_id=run_id))


def error_reference(rng: np.random.Generator) -> str:
    """Return a short reference such as "E-7K2QX", for the chat and for the log line."""
    return "E-" + "".join(_LETTERS[i] for i in rng.integers(len(_LETTERS), size=5))


def _before_rendering() -> Sequence[Processor]:
    return (
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _unfold_facts,
    )


def _formatted(handler: logging.Handler, processors: Sequence[Processor]) -> logging.Handler:
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_before_rendering(), processors=processors
        )
    )
    return handler


class _Named:
    """Puts when, how bad, and which process in front of a line's other fields."""

    def __init__(self, process: str) -> None:
        self._process = process

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        first = {"timestamp": event.pop("timestamp", ""), "level": event.pop("level", "")}
        what = {"event": event.pop("event", "")}
        event.pop("process", None)
        return {**first, "process": self._process, "pid": os.getpid(), **what, **event}


def _rendering(*, json: bool, first: Sequence[Processor] = ()) -> Sequence[Processor]:
    renderer: Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if not json:
        renderer = structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        )
    return (
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        *first,
        structlog.processors.format_exc_info,
        _scrub,
        renderer,
    )


def _unfold_facts(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put the facts of an AppError beside its traceback."""
    info = event.get("exc_info")
    error = info[1] if isinstance(info, tuple) else info
    if info is True:
        error = sys.exc_info()[1]
    if isinstance(error, AppError):
        for name, fact in error.facts.items():
            event.setdefault(name, fact)
    return event


def _scrub(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask secrets in all fields; a line break in an event would forge a second line."""
    clean: EventDict = scrubbed(dict(event))
    clean["event"] = str(clean.get("event", "")).replace("\r", "\\r").replace("\n", "\\n")
    return clean


def _scrubbed_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    """Make a record whose message and arguments hold no secret, whoever formats it."""
    record = _plain_record(*args, **kwargs)
    if isinstance(record.msg, str):
        record.msg = masked(record.msg)
    if isinstance(record.args, tuple):
        record.args = tuple(_scrubbed_argument(each) for each in record.args)
    elif record.args:
        record.args = scrubbed(dict(record.args))
    return record


def _scrubbed_argument(value: Any) -> Any:
    """Return `value` as it is unless its text holds a secret: %d must still get a number."""
    if value is None or isinstance(value, bool | int | float):
        return value
    words = value if isinstance(value, str) else str(value)
    clean = masked(words)
    return value if clean == words else clean


def _route_libraries() -> None:
    """Let loggers that write to the console by themselves hand their records to the root."""
    for logger in list(logging.root.manager.loggerDict.values()):
        if not isinstance(logger, logging.Logger):
            continue
        own = [each for each in logger.handlers if _writes_to_console(each)]
        for handler in own:
            logger.removeHandler(handler)
        if own:
            logger.propagate = True


def _writes_to_console(handler: logging.Handler) -> bool:
    return isinstance(handler, logging.StreamHandler) and not isinstance(
        handler, logging.FileHandler
    )
