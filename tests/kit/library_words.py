"""The words that commands may use with the built-in setups and instruments."""

from importlib import resources

import yaml

from pipeline.command_words import KnownSetup, KnownWords
from pipeline.domain.market import Timeframe
from tests.kit.plain_services import LIBRARY

SETUPS = [yaml.safe_load(path.read_text("utf-8")) for path in sorted(LIBRARY.glob("*.yaml"))]
INSTRUMENTS = yaml.safe_load(
    resources.files("pipeline.domain").joinpath("instruments.yaml").read_text("utf-8")
)
TITLES = {setup["setup_id"]: setup["title"] for setup in SETUPS}
KNOWN = KnownWords(
    setups=tuple(
        KnownSetup(
            s["setup_id"],
            Timeframe(s["timeframe"]),
            tuple(map(Timeframe, s["timeframes"])),
            tuple(s["symbols"]),
        )
        for s in SETUPS
    ),
    symbols=tuple(i["symbol"] for i in INSTRUMENTS),
    aliases={a.upper().replace("/", ""): i["symbol"] for i in INSTRUMENTS for a in i["aliases"]},
)
