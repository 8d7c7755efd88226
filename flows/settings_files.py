"""Secrets from files: `NAME_FILE` names the file that holds what the setting NAME would say."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsError

SUFFIX = "_FILE"


class SecretFiles(PydanticBaseSettingsSource):
    """Reads secrets from the files that the environment or `.env` names.

    An empty file is a secret that isn't set, as an empty value is. A file that can't be read, or
    one beside another value, ends the start: better no process than one with a wrong secret.

    Parameters
    ----------
    said
        What the environment and `.env` hold, by name in lower case; the environment wins.
    """

    def __init__(self, settings: type[BaseSettings], said: Mapping[str, str | None]) -> None:
        super().__init__(settings)
        self._said = said

    def __call__(self) -> dict[str, Any]:
        """Return the secrets that files hold, by field."""
        fields = self.settings_cls.model_fields
        secrets = (name for name, field in fields.items() if _is_secret(field))
        found = {name: self.get_field_value(fields[name], name)[0] for name in secrets}
        return {name: value for name, value in found.items() if value}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """Return one secret, or None; the base class asks for this method."""
        title = field_name.upper()
        file = self._said.get(f"{field_name}{SUFFIX.lower()}")
        if not file:
            return None, field_name, False
        held = _read(title, Path(file))
        if self._said.get(field_name) not in (None, "", held):  # a parent hands on what it read
            raise SettingsError(f"{title} and {title}{SUFFIX} say different things; keep one")
        return held, field_name, False


def _read(title: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError as error:
        raise SettingsError(f"{title}{SUFFIX}: there is no file {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{title}{SUFFIX}: {path} can't be read: {error}") from error


def _is_secret(field: FieldInfo) -> bool:
    return field.annotation in (SecretStr, SecretStr | None)
