"""Measures, prints a table with the peers' ratios, writes bench/results.json."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from bench import chat, compute, live, live_alerts, live_training, research, train
from storage.instruments import YamlInstruments

RESULTS = Path(__file__).parent / "results.json"


def line(name: str, figure: dict[str, Any]) -> str:
    """One figure with its limit, its note and how many times as long each peer takes."""
    limit = f"  limit {figure['limit']:g}" if "limit" in figure else ""
    text = f"{name:<32}{figure['value']:>10.4g} {figure['unit']:<3}{limit:<14}{figure.get('note', '')}"
    for peer, value in figure["peers"].items():
        ratio = (
            f"{value:>10.4g} {figure['unit']:<3}  {value / figure['value']:.0f} ×"
            if isinstance(value, float)
            else f"  {value}"
        )
        text += f"\n    {peer:<28}{ratio}"
    return text


async def main() -> int:
    """Measure everything; without the real bars there is nothing to say."""
    if not compute.real_data_is_there():
        print("bench needs the real bars beside the project (shared/data); nothing was measured")
        return 1
    instrument = await YamlInstruments().get("EURUSD")
    figures = compute.measure(instrument)
    figures |= await research.measure(await YamlInstruments().get("GER40"))
    figures |= train.measure()
    figures |= await live.measure(instrument)
    figures |= await live_alerts.measure()
    figures |= await live_training.measure()
    figures |= await chat.measure()
    print("\n".join(line(name, figure) for name, figure in figures.items()))
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
