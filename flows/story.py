"""What a kind of run is: how it is asked for, which tasks it has, who tells it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import BaseModel

from pipeline.command_words import KnownWords
from pipeline.domain.request import Run

if TYPE_CHECKING:
    from flows.services import Services
    from flows.tasks import Runner

Request: TypeAlias = Any
"""The story's own request model; `Story` is not generic, as the registry holds all kinds."""


@dataclass(frozen=True)
class Story:
    """One kind of run.

    Parameters
    ----------
    flow_type, prefix
        Its name in records and in Prefect, and how its run ids begin.
    command
        The word after the slash in the chat and after `scout`; the action in the audit trail.
    request, tasks
        The model of what is asked, and the names of the tasks in their order.
    parse
        Text, the valid words and today's date to a request; BadRequestError names the field.
    check
        Refuse what can't be run (AppError), else return the request with all that a rerun must
        find again pinned in it, such as the version of the rules.
    title
        One line for progress and lists.
    role
        Who may ask for it at least: "trader" or "owner".
    tell
        The story itself: request, run, services and runner to its report.
    """

    flow_type: str
    prefix: str
    command: str
    request: type[BaseModel]
    tasks: tuple[str, ...]
    parse: Callable[[str, KnownWords, date], Request]
    check: Callable[[Request, "Services"], Awaitable[Request]]
    title: Callable[[Request], str]
    tell: Callable[[Request, Run, "Services", "Runner"], Awaitable[BaseModel]]
    role: str = "trader"
