"""Real processes that serve their metrics, and reading what they serve."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

PLACES = ("REDIS_URL", "DATABASE_URL", "PREFECT_API_URL", "TELEGRAM_BOT_TOKEN", "OWNER_IDS")


@contextmanager
def observed(home: Path, modules: tuple[str, ...], **env: str) -> Iterator[list[subprocess.Popen]]:
    """Processes of one installation without Prefect, Redis or a market, until the block ends."""
    clean = {name: value for name, value in os.environ.items() if name not in PLACES}
    settings = {"SCOUT_HOME": str(home), "USE_PREFECT": "false", "FEED": "none"}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", module],
            env={**clean, **settings, **env},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for module in modules
    ]
    try:
        yield started
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


def targets(home: Path) -> dict[str, str]:
    """Where each process says that its metrics are, as Prometheus reads it."""
    files = sorted((home / "run" / "metrics").glob("*.json"))
    read = [json.loads(path.read_text()) for path in files]
    return {group["labels"]["process"]: group["targets"][0] for (group,) in read}


def wait_for_targets(home: Path, count: int, seconds: float = 60.0) -> dict[str, str]:
    """Wait until that many processes serve."""
    until = time.monotonic() + seconds
    while len(found := targets(home)) < count:
        assert time.monotonic() < until, found
        time.sleep(0.1)
    return found


def scraped(target: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """What a target serves: the values by sample name, then by labels."""
    with urllib.request.urlopen(f"http://{target}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(text):
        found.setdefault(family.name, {})
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found
