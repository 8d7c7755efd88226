"""The scanner on the fast market that the file CHAOS_MARKET anchors."""

import os
import sys
from pathlib import Path

from tests.kit.fast_market import FastMarket


def main() -> int:
    from flows import scanner, services

    market = Path(os.environ["CHAOS_MARKET"])
    services.make_feed = lambda *_args, **_kwargs: FastMarket.of(market)
    return scanner.main() or 0


if __name__ == "__main__":
    sys.exit(main())
