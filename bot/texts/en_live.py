"""What /live and /health say beside the lines that `flows.live_text` writes."""

from collections.abc import Mapping
from typing import Final

from pipeline.live.health import Light

TITLE_ON: Final = "Live watching is on"
TITLE_OFF: Final = "Live watching is off"
HOW: Final = (
    "/live on GER40 M5 · /live off · /live quiet 22:00-07:00 · /live mute SETUP 1h · "
    "/live sound review=off · /help says more"
)

SWITCH_ON: Final = "Switch on"
SWITCH_OFF: Final = "Switch off"
SOUND: Final = "Sound ▸"
MUTE: Final = "Mute ▸"
REFRESH: Final = "Refresh"
BACK: Final = "◂ Back"
REPLAY: Final = "Replay"
HOUR: Final = "1 hour"
TODAY: Final = "Today"
FOREVER: Final = "Until I say"
UNMUTE: Final = "Hear again:"

SOUND_PAGE: Final = "Tap a kind to change how loud it is."
MUTE_PAGE: Final = "Tap a setup to silence it here, or to hear it again."
GONE_SETUP: Final = "This setup is not active any more."
NO_SETUPS: Final = "No setup is active."


def long_page(setup_id: str) -> str:
    """Ask how long a setup is silenced."""
    return f"How long shall {setup_id} be silent in this chat?"


HEALTH_TITLES: Final[Mapping[Light, str]] = {
    Light.GREEN: "All is well",
    Light.AMBER: "It works, but look at the amber lines",
    Light.RED: "Something is wrong: look at the red lines",
}
LIGHTS: Final[Mapping[Light, str]] = {Light.GREEN: "🟢", Light.AMBER: "🟡", Light.RED: "🔴"}
