"""What /live and /health say beside the lines that `flows.live_text` writes."""

from collections.abc import Mapping
from typing import Final

from pipeline.live.health import Light

TITLE_ON: Final = "Live watching is on"
TITLE_OFF: Final = "Live watching is off"
HOW: Final = "/live help lists what you can say."
WORDS_TITLE: Final = "What you can say to /live"
WORDS: Final[tuple[tuple[str, str], ...]] = (
    ("/live on GER40 M5 Frank_raid_v1", "watch these; of a kind that isn't named, all"),
    ("/live on all", "watch everything"),
    ("/live off", "stop; the settings stay"),
    ("/live quiet 22:00-07:00", "hold alerts at night, then one digest; quiet off"),
    ("/live sound review=off outcome=silent", "loud, silent or off for each kind"),
    ("/live mute Frank_raid_v1 1h", "silence a setup here: 1h, today, forever"),
    ("/live unmute Frank_raid_v1", "hear it again"),
    ("/live weekend on", "watch on Saturday and Sunday too"),
    ("/live heartbeat 08:00", "a daily sign of life; heartbeat off"),
    ("/live zone Europe/London", "whose clock counts"),
    ("/live limit 20", "alerts an hour at most; the rest comes in a digest"),
    ("/live gate Frank_raid_v1 confidence=0.6 score=0.6 review=0.4", "owner: what is approved"),
    ("/live cooldown 15", "owner: minutes of silence after an alert"),
    ("/live replay GER40 2025-03-10 x60", "play a held day as if live"),
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
