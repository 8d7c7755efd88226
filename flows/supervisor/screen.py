"""The one screen of `make run`: what is up, at which address, with which data."""

from collections.abc import Sequence
from typing import Any

from flows.supervisor.parts import Part


def screen(
    home: str,
    parts: Sequence[Part],
    elsewhere: Sequence[tuple[str, str]],
    state: dict[str, Any],
    chat: str | None,
) -> str:
    """Return the screen as text, at most 78 columns where the data allow it."""
    lines = ["", "  Setup Scout is up", f"  home     {home}", ""]
    lines += [f"  {part.name:<9}{part.address}" for part in parts]
    lines += [f"  {name:<9}elsewhere: {where}" for name, where in elsewhere]
    lines += ["", "  Bars held"]
    lines += [_holding(h) for h in state["holdings"]] or ["    none yet: send a file to the chat"]
    lines += ["", f"  Setups   {', '.join(state['setups'])}"]
    lines += [f"  !        {problem}" for problem in state["problems"]]
    lines += ["", *_next(chat, state), "  Ctrl-C stops everything.", ""]
    return "\n".join(lines)


def _holding(held: dict[str, Any]) -> str:
    made = "  SYNTHETIC" if held["synthetic"] else ""
    period = f"{held['first'][:10]} – {held['last'][:10]}"
    return f"    {held['symbol']:<8}{held['timeframe']:<5}{held['bars']:>9,} bars  {period}{made}"


def _next(chat: str | None, state: dict[str, Any]) -> list[str]:
    lines = [f"  Chat     {chat}" if chat else "  Chat     your bot in Telegram"]
    if state["owner_code"]:
        code = state["owner_code"]
        lines.append(f"  Owner    send  /start {code}  to the bot: whoever does first owns it")
    if state["holdings"] and state["setups"]:
        held = state["holdings"][-1]
        setup = "Frank_raid_v1" if "Frank_raid_v1" in state["setups"] else state["setups"][0]
        lines.append(f"  Try      /backtest {setup} {held['symbol']} M5 {held['last'][:4]}")
    return lines
