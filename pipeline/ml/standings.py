"""Which version of a model comes into use next: promoted, in the shadow, rolled back to.

Pure changes of a standing; whether a version is kept whole is the registry's to say.
"""

from collections.abc import Sequence

from pipeline.domain.errors import RequestError
from pipeline.domain.model import GateVerdict, ModelStanding

__all__ = ["objection", "promoted", "rolled_back", "shadowed", "switched"]


def objection(standing: ModelStanding, version: str, verdict: GateVerdict | None) -> str:
    """Return why a version should not be promoted, in one sentence; empty: it may be.

    Notes
    -----
    A verdict counts only against the champion it was judged against: "better than v1.0" says
    nothing once v2.0 is in use.
    """
    if verdict is None:
        return f"{version} was never judged by the gate."
    if not verdict.promoted:
        reasons = " ".join(condition.words for condition in verdict.failed)
        return f"The gate turned {version} down. {reasons}".strip()
    if verdict.against != standing.champion:
        judged, used = verdict.against or "chance", standing.champion or "no model"
        return f"{version} was judged against {judged}, but {used} is in use now."
    return ""


def promoted(standing: ModelStanding, version: str) -> ModelStanding:
    """Return the standing with a version as champion; a roll back returns to the one before.

    The champion of now stays the champion: nothing changes then.
    """
    if version == standing.champion:
        return standing
    was_shadow = version == standing.challenger
    change = {
        "champion": version,
        "previous": standing.champion,
        "challenger": "" if was_shadow else standing.challenger,
        "ab": standing.ab and not was_shadow,
    }
    return standing.model_copy(update=change)


def shadowed(standing: ModelStanding, version: str) -> ModelStanding:
    """Return the standing with a version that scores beside the champion from now on.

    Raises
    ------
    RequestError
        It is the champion.
    """
    if version == standing.champion:
        raise RequestError(f"{version} is the champion: it scores every signal already.")
    return standing.model_copy(update={"challenger": version, "ab": True})


def switched(standing: ModelStanding, *, on: bool) -> ModelStanding:
    """Return the standing with the comparison of champion and challenger on or off.

    Raises
    ------
    RequestError
        There is nothing to compare.
    """
    if on and not standing.challenger:
        raise RequestError(
            "There is no challenger to compare with. Put a version into the shadow first: "
            "/models lists them."
        )
    return standing.model_copy(update={"ab": on})


def rolled_back(
    standing: ModelStanding, history: Sequence[ModelStanding], to: str | None = None
) -> ModelStanding:
    """Return the standing with a former champion in use again.

    Parameters
    ----------
    history
        All standings there were, newest first.
    to
        Which one; None: the one before, "": none, so that the rules alone decide. Before the
        first champion there was none.

    Notes
    -----
    A further roll back goes further into the past, never forth again to what was left. Who asks
    for the champion of now, as a second tap on the same button does, changes nothing.

    Raises
    ------
    RequestError
        No model is in use, or that version never was.
    """
    if to is not None and to == standing.champion:
        return standing
    if not standing.champion:
        raise RequestError("No model is in use: there is nothing to roll back.")
    target = standing.previous if to is None else to
    if target and target not in {past.champion for past in history}:
        raise RequestError(
            f"{target} was never in use; a roll back returns to a version that was."
        )
    line = _line(history)
    if target and target not in line:  # it was left by a roll back, and is named now
        return promoted(standing, target)
    before = line[: line.index(target)] if target else []
    shadow = "" if target == standing.challenger else standing.challenger
    change = {
        "champion": target,
        "previous": before[-1] if before else "",
        "challenger": shadow,
        "ab": standing.ab and bool(shadow),
    }
    return standing.model_copy(update=change)


def _line(history: Sequence[ModelStanding]) -> list[str]:
    """Return the champions that roll backs go along, the one of now last; each is there once.

    Once each, or two that took turns would have roll backs go to and fro between them.
    """
    line: list[str] = []
    for past in reversed(history):
        version, last = past.champion, line[-1] if line else ""
        if not version:
            line = []
        elif version != last and past.previous == last:  # promoted
            line = [*(each for each in line if each != version), version]
        elif version != last:  # rolled back, or promoted over one that is damaged
            below = past.previous
            line = [*line[: line.index(below) + 1], version] if below in line else [version]
    return line
