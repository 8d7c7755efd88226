"""`python -m bot`: the Telegram bot, until it is told to stop."""

import asyncio
import sys

from bot.lean import load_aiogram


def main() -> int:
    """Run the bot; 2 if it is not set up."""
    load_aiogram()  # before anything imports it
    from flows.kernel_cache import use_kernel_cache  # noqa: PLC0415
    from flows.observing import observe  # noqa: PLC0415
    from flows.settings_start import settings_or_exit  # noqa: PLC0415
    from pipeline.domain.errors import AppError  # noqa: PLC0415

    settings = settings_or_exit()
    use_kernel_cache(settings.home)  # before anything imports numba
    from bot.app import run  # noqa: PLC0415

    observe(settings, "bot", sys.stderr)
    try:
        asyncio.run(run(settings))
    except AppError as error:
        print(error.user_text, file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
