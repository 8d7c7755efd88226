"""What the bot says of trainings, models and which of them is in use."""

from typing import Final

NO_MODELS: Final = "No model yet. The rules alone decide. /train makes one from labelled signals."
TITLE: Final = "Models"
RULES_ALONE: Final = "none: the rules alone decide"
PASSING: Final = "If its score had decided"
DRIFT: Final = "Drift"
GATE: Final = "Why"
TYPE_THIS: Final = "Label more past signals:"
NEEDS_BARS: Final = "Bring in bars first (/import), then label past signals with /label."
AB_HOW: Final = "/ab on lets the challenger score every live signal too; /ab off ends it."
AB_WORDS: Final = "Say /ab on, /ab off or /ab status."
AB_NO_MODEL: Final = "There is no model to compare yet. /train makes one."

PROMOTE: Final = "Promote"
SHADOW: Final = "Shadow"
ROLL_BACK: Final = "Roll back to"
FORCE: Final = "Promote all the same"
LEAVE: Final = "Leave it"
REFRESH: Final = "Refresh"
CARD: Final = "Card"
THE_RULES: Final = "rules alone"

LEFT: Final = "Nothing changed."
GONE_MODEL: Final = "This model is not kept any more. /models shows what there is."
ROLES: Final = {"champion": "in use", "challenger": "in the shadow", "previous": "in use before"}


def in_use(version: str, previous: str) -> str:
    """Say which version decides from now on."""
    before = f" Before: {previous}." if previous else " Before: the rules alone."
    return f"{version} is in use now.{before} Live scanning takes it up by itself."


def already(version: str) -> str:
    """Say that a version is in use anyway."""
    return f"{version} is in use already." if version else "The rules alone decide already."


def overtaken(champion: str) -> str:
    """Say that a button is older than what is in use now."""
    now = f"{champion} came into use" if champion else "the model was taken out of use"
    return f"Meanwhile {now}. Nothing changed: look again with /models."


def shadowing(version: str, champion: str) -> str:
    """Say what the shadow means."""
    acts = f"{champion} decides" if champion else "the rules decide"
    return f"{version} scores every live signal from now on, in the shadow: {acts}."


def shadows_already(version: str) -> str:
    """Say that a version is the challenger anyway."""
    return f"{version} is in the shadow already."


def back(champion: str) -> str:
    """Say what decides after a roll back."""
    if not champion:
        return "Rolled back: no model is in use, the rules alone decide."
    return f"Rolled back: {champion} is in use again."


def ask(version: str) -> str:
    """Ask whether a version shall be promoted against the gate."""
    return f"Promote {version} all the same?"


def ab_line(champion: str, challenger: str, *, on: bool) -> str:
    """Say what is compared."""
    if not challenger:
        return "No challenger. Put a version into the shadow: /models."
    acts = champion or "the rules"
    if on:
        return f"{challenger} scores every live signal beside {acts}; {acts} alone decides."
    return f"{challenger} is the challenger of {acts}, but does not score."
