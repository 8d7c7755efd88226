"""What the bot says about tools: the list, one tool, a name that none has."""

from typing import Final

TITLE: Final = "Tools: what setups are made of"
MORE: Final = "/tools NAME tells and draws one; its usual short name (FVG, BOS) will do."
GIVES: Final = "Gives"
NEEDS: Final = "Needs"
NOTHING_NEEDED: Final = "nothing but bars"
PARAMETERS: Final = "Parameters"
NO_PARAMETERS: Final = "none"
CONVENTION: Final = "Convention"
ALSO: Final = "Also called"
LIST: Final = "/tools lists them."
SERIES: Final = "a series, one value a bar"


def caption(title: str) -> str:
    """Tell what the picture is."""
    return f"{title}, as the detector sees it on hand-made bars"
