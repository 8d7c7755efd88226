"""What the dashboard and the alert rules ask Prometheus for."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "monitoring"
NAME = re.compile(r"\b(?:scout|process)_[a-z_]+\b")


def dashboard() -> dict[str, Any]:
    """The Grafana dashboard."""
    return json.loads((FOLDER / "grafana" / "dashboards" / "setup-scout.json").read_text("utf-8"))


def rules() -> list[dict[str, Any]]:
    """The alert rules."""
    found = yaml.safe_load((FOLDER / "prometheus" / "alerts.yml").read_text("utf-8"))
    return [rule for group in found["groups"] for rule in group["rules"]]


def expressions() -> list[str]:
    """All PromQL there is."""
    asked = [t["expr"] for panel in dashboard()["panels"] for t in panel["targets"]]
    return [*asked, *(rule["expr"] for rule in rules())]


def names() -> set[str]:
    """The names of all metrics that are asked for, as samples are called."""
    return {name for each in expressions() for name in NAME.findall(each)}
