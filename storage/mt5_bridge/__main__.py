"""`python -m storage.mt5_bridge`: the bridge's server, beside the terminal."""

import argparse
import logging
import os
import secrets
import signal
import sys
from pathlib import Path

from storage.mt5_bridge import LEAST_TOKEN
from storage.mt5_bridge.server import BridgeServer
from storage.mt5_native import NativeTerminal

TOKEN = "MT5_BRIDGE_TOKEN"  # noqa: S105 (the name of a setting)
_LOOPBACK = ("127.0.0.1", "localhost")


def main() -> int:
    """Serve until interrupted; return what the process ends with."""
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    log = logging.getLogger("mt5_bridge")
    token = _token(options.token_file)
    if len(token) < LEAST_TOKEN:
        log.error(
            "%s must have at least %d characters, the same here and in the product's .env. "
            "A fresh one: %s",
            TOKEN,
            LEAST_TOKEN,
            secrets.token_urlsafe(32),
        )
        return 2
    host, _, port = options.listen.rpartition(":")
    if host not in _LOOPBACK:
        log.warning("%s can be reached from other machines, and nothing is encrypted", host)
    terminal = NativeTerminal(options.terminal)
    server = BridgeServer(terminal, token, host, int(port), orders=options.orders)
    log.info("orders are %s", "taken" if options.orders else "refused (no --orders)")
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell had them ignored
        signal.signal(number, signal.default_int_handler)
    try:
        server.start()
    finally:
        terminal.close()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m storage.mt5_bridge", description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:18815", help="HOST:PORT")
    parser.add_argument("--terminal", default="", help="path of terminal64.exe, if not found")
    parser.add_argument("--token-file", type=Path, help=f"file that holds it, instead of {TOKEN}")
    parser.add_argument("--orders", action="store_true", help="let clients send orders")
    return parser.parse_args()


def _token(file: Path | None) -> str:
    return (file.read_text(encoding="utf-8") if file else os.environ.get(TOKEN, "")).strip()


if __name__ == "__main__":
    sys.exit(main())
