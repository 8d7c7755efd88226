"""The bot with a short patience for Telegram's answers, so that a time-out costs a round little."""

import sys

from bot.lean import load_aiogram

PATIENCE = 2.5  # seconds


def main() -> int:
    load_aiogram()
    from bot import __main__, app

    app.REQUEST_LIMIT = PATIENCE  # type: ignore[misc]
    return __main__.main()


if __name__ == "__main__":
    sys.exit(main())
