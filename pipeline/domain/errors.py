"""The error tree: every failure a user can meet, with the one kind line the chat shows.

AppError(user_text, retryable=False)
├── RequestError          the person asked for something that can't be
│   ├── BadRequestError   a field is missing or wrong (field, value, closest valid values)
│   │   └── MissingBarsError no bars are held; a source may have them
│   ├── NotAllowedError   the role doesn't permit it
│   ├── UnknownSetupError no such setup or version
│   └── GateObjectionError a model was not found better; an owner may insist
├── DataError             the bars don't carry the answer
│   ├── BadBarsError      a file or frame breaks the bar contract (file, line)
│   ├── NoBarsError       nothing is held for the symbol, timeframe or period
│   ├── StaleBarsError    the newest bar is too old
│   ├── FeedRefusedError  the source of bars won't answer us: key, place or permission
│   └── ModelRefusedError a kept model is missing, damaged, foreign or of another schema
├── SetupError            a setup file is wrong (file, line, field, valid words)
├── TradeError            RiskLimitError, OrderRejectedError
├── CancelledRunError     a person stopped the run
├── LostRunError          another process executes the run by now
├── AnalystRefusedError   the analyst won't answer: key, quota, budget, model
├── JournalRefusedError   the journal can't be written: token, rights, lost columns
└── ServiceError          something outside is down; retryable
    └── FeedDownError, BrokerDownError, StoreDownError, JournalDownError, AnalystDownError
"""

from typing import Any


class AppError(Exception):
    """Root of all expected failures.

    Parameters
    ----------
    user_text
        One line a person can act on; it never holds a secret or a traceback.
    facts
        What the log line carries beside it.
    """

    retryable = False

    def __init__(self, user_text: str, **facts: Any) -> None:
        super().__init__(user_text)
        self.user_text = user_text
        self.facts = facts

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive the way back from a worker process."""
        return (_rebuild, (type(self), self.user_text, self.facts))


def _rebuild(kind: type[AppError], user_text: str, facts: dict[str, Any]) -> AppError:
    return kind(user_text, **facts)


class RequestError(AppError):
    """The person asked for something that can't be."""


class BadRequestError(RequestError):
    """One field of a request is missing or wrong.

    Parameters
    ----------
    field, value
        The field's name in the request contract, and what was given (None: missing).
    closest
        Valid values, nearest first; front ends offer them as buttons.
    corrected
        The command with the first of them filled in, ready to copy; empty if unknown.
    """

    def __init__(
        self,
        user_text: str,
        *,
        field: str,
        value: str | None = None,
        closest: tuple[str, ...] = (),
        corrected: str = "",
    ) -> None:
        super().__init__(user_text, field=field, value=value, closest=closest, corrected=corrected)
        self.field = field
        self.value = value
        self.closest = closest
        self.corrected = corrected


class MissingBarsError(BadRequestError):
    """Nothing is held of what a backtest needs; a source may have it.

    `wanted` is the request (`BacktestRequest`), for offering to fetch its bars.
    """

    wanted: Any = None


class NotAllowedError(RequestError):
    """The person's role doesn't permit the action."""


class UnknownSetupError(RequestError):
    """No such setup, or no such version of it."""


class GateObjectionError(RequestError):
    """The gate has not found that a model is better; an owner may promote it all the same."""


class DataError(AppError):
    """The bars don't carry the answer."""


class BadBarsError(DataError):
    """A file or frame breaks the bar contract."""


class NoBarsError(DataError):
    """Nothing is held for what was asked."""


class StaleBarsError(DataError):
    """The newest bar is too old for what was asked."""


class FeedRefusedError(DataError):
    """The source of bars won't answer us, now or later: a key, a place or a permission."""


class ModelRefusedError(DataError):
    """A kept model is missing, damaged, foreign or of another schema: it scores nothing."""


class SetupError(AppError):
    """A setup file is wrong.

    Parameters
    ----------
    file, line, field
        Where; line counts from 1, 0 when it can't be told.
    valid
        The words that would have been right.
    """

    def __init__(
        self,
        user_text: str,
        *,
        file: str = "",
        line: int = 0,
        field: str = "",
        valid: tuple[str, ...] = (),
    ) -> None:
        super().__init__(user_text, file=file, line=line, field=field, valid=valid)
        self.file = file
        self.line = line
        self.field = field
        self.valid = valid


class TradeError(AppError):
    """An order can't be placed as planned."""


class RiskLimitError(TradeError):
    """The plan would risk more than allowed."""


class OrderRejectedError(TradeError):
    """The market's rules refuse the order."""


class CancelledRunError(AppError):
    """A person stopped the run."""


class LostRunError(AppError):
    """The claim to a run is lost: another process executes it, so this one may write nothing."""


class ServiceError(AppError):
    """Something outside the process is down; trying again may help."""

    retryable = True


class FeedDownError(ServiceError):
    """The source of bars doesn't answer."""


class BrokerDownError(ServiceError):
    """The broker doesn't answer."""


class StoreDownError(ServiceError):
    """The database, Redis or the bar store doesn't answer."""


class JournalDownError(ServiceError):
    """The journal doesn't answer."""


class AnalystDownError(ServiceError):
    """The analyst doesn't answer."""


class AnalystRefusedError(AppError):
    """The analyst won't answer: a wrong key, no quota, no budget left, an unknown model."""


class JournalRefusedError(AppError):
    """The journal can't be written: a wrong token, no right to it, a database without columns."""
