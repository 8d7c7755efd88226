"""How a process gets its settings; a wrong one ends it with one line."""

import sys
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import SettingsError

from flows.settings import Settings

BAD_SETTING = 2
WRONG = (ValidationError, SettingsError)


def settings_or_exit(home: Path | None = None) -> Settings:
    """Read the settings; a wrong one ends the process with exit code 2, without a traceback."""
    try:
        return Settings() if home is None else Settings(scout_home=home)
    except WRONG as error:
        print(f"{wrong_setting(error)}. See .env.example.", file=sys.stderr)  # noqa: T201
        sys.exit(BAD_SETTING)


def wrong_setting(error: ValidationError | SettingsError) -> str:
    """Return the line that names the setting and what is wrong with it; never its value."""
    if not isinstance(error, ValidationError):
        return f"Setting {error}"
    first = error.errors(include_input=False)[0]
    return f"Setting {str(first['loc'][0]).upper()}: {first['msg']}"
