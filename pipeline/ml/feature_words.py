"""What each feature is: its unit and why a model might want to know it, in the models' order."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FeatureWords:
    """One feature in words: how people read it in a chart of contributions, unit, reason."""

    title: str
    unit: str
    why: str


def _w(title: str, unit: str, why: str) -> FeatureWords:
    return FeatureWords(title, unit, why)


_ATR, _H1, _R, _MIN, _SHARE = "ATR", "H1 ATR", "R", "minutes", "0 to 1"
_TIMES, _YES, _NUMBER = "ratio", "0 or 1", "count"

FEATURE_WORDS: dict[str, FeatureWords] = {
    # the ticket
    "stop_atr": _w("stop size", _ATR, "a stop within the noise is hit by noise"),
    "target_r": _w("target", _R, "a far target is reached less often"),
    "first_target_r": _w("first target", _R, "where half is taken"),
    "spread_atr": _w("spread", _ATR, "dear hours are thin hours"),
    "spread_r": _w("spread in R", _R, "what the trade costs before it begins"),
    "limit_distance": _w("limit's distance", _ATR, "how far price must come back; market: 0"),
    "is_long": _w("long", _YES, "indices fall otherwise than they rise"),
    "trigger_minutes": _w("trigger timeframe", _MIN, "models may mix timeframes"),
    # the rules' agreement
    "confluence_share": _w("confluences' weight", _SHARE, "the rules' confidence, data aside"),
    "confluences_met": _w("confluences met", _NUMBER, "how many side conditions held"),
    # the trace
    "range_atr": _w("reference range", _ATR, "narrow ranges are swept by noise"),
    "range_age": _w("age of the range", _MIN, "an old range has been traded"),
    "sweep_depth": _w("depth of the sweep", _ATR, "a deep sweep may be a break"),
    "sweep_per_range": _w("sweep per range", _TIMES, "the same against the range"),
    "sweep_bars_outside": _w("bars outside", _NUMBER, "long acceptance outside is a break"),
    "sweep_double": _w("other side swept too", _YES, "stops on both sides are gone"),
    "sweep_age": _w("age of the sweep", _MIN, "how slow the confirmation was"),
    "gap_atr": _w("gap", _ATR, "a wide gap shows urgency"),
    "gap_minutes": _w("age of the gap", _MIN, "from its first bar to the signal"),
    "pattern_atr": _w("bar pattern", _ATR, "size of what confirmed it"),
    "structure_age": _w("age of the structure", _MIN, "since the last break of structure"),
    "break_distance": _w("close beyond the level", _ATR, "how far the break has run already"),
    # the hour
    "minutes_from_cash_open": _w("from the cash open", _MIN, "volume comes with the open"),
    "minutes_to_new_york_open": _w("to New York's open", _MIN, "what a trade may still meet"),
    "weekday": _w("weekday", "0 Monday to 6", "Mondays and Fridays differ"),
    # volatility
    "vol_5_50": _w("last 5 bars' range", _TIMES, "a burst or a lull just now; to 50 bars"),
    "vol_rank_240": _w("ATR's rank", _SHARE, "percentile of the range in 240 bars"),
    "vol_m15_14_192": _w("M15 ATR to two days", _TIMES, "regime of the session"),
    "vol_h1_14_200": _w("H1 ATR to 200 hours", _TIMES, "regime of the week"),
    "vol_h1_rank_200": _w("H1 ATR's rank", _SHARE, "percentile of the range in 200 hours"),
    "vol_h4_6_60": _w("H4 range, a day to ten", _TIMES, "regime of the fortnight"),
    "vol_trigger_h1": _w("trigger's ATR to H1's", _TIMES, "1: a random walk; more: choppy"),
    "bar_range": _w("signal bar's range", _ATR, "climax or drift"),
    "bar_body": _w("signal bar's body", _ATR, "closed with the trade or against it"),
    # trend and position, the trade's way positive
    "trigger_move_10": _w("move of 10 bars", _ATR, "momentum just before"),
    "trigger_move_60": _w("move of 60 bars", _ATR, "momentum before that"),
    "trigger_efficiency_20": _w("straightness, 20 bars", _SHARE, "trend or chop"),
    "trigger_position_240": _w("place in 240 bars", _SHARE, "1: at the trade's end of the range"),
    "m15_slope_32": _w("M15 trend, 8 hours", "M15 ATR", "the session's trend"),
    "m15_mean_distance_96": _w("from the day's mean", "M15 ATR", "stretched or not"),
    "h1_move_6": _w("move of 6 hours", _H1, "the morning's way"),
    "h1_slope_24": _w("H1 trend, a day", _H1, "with or against the day"),
    "h1_slope_120": _w("H1 trend, a week", _H1, "with or against the week"),
    "h1_position_24": _w("place in the day's range", _SHARE, "1: at the trade's end"),
    "h1_position_120": _w("place in the week's range", _SHARE, "1: at the trade's end"),
    "h1_mean_distance_50": _w("from the mean of 50 H", _H1, "stretched or not"),
    "h4_slope_30": _w("H4 trend, a week", "H4 ATR", "the higher trend"),
    "h4_position_60": _w("place in two weeks' range", _SHARE, "1: at the trade's end"),
    # levels: how far ahead of and behind the close
    "previous_day_ahead": _w("yesterday's edge ahead", _H1, "a target, and a hurdle"),
    "previous_day_behind": _w("yesterday's edge behind", _H1, "what the trade leans on"),
    "day_ahead": _w("today's edge ahead", _H1, "stops that rest there"),
    "day_behind": _w("today's edge behind", _H1, "how far the day has come back"),
    "asia_ahead": _w("Asia's edge ahead", _H1, "liquidity above or below"),
    "asia_behind": _w("Asia's edge behind", _H1, "what was swept or held"),
    "cash_ahead": _w("cash session's edge ahead", _H1, "since its open; none before"),
    "cash_behind": _w("cash session's edge behind", _H1, "since its open; none before"),
    "day_open_distance": _w("from the day's open", _H1, "with the day's way or against it"),
    "cash_open_distance": _w("from the cash open's price", _H1, "the open drive"),
    "day_gap": _w("gap at the day's open", _H1, "over night or weekend"),
    "day_range_used": _w("day's range used", _TIMES, "to the mean of five days: room left"),
}
"""Every feature, in the order that models know them."""
