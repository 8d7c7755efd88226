"""Settings: documented one by one, secrets kept secret, wrong values refused."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from flows.settings import Settings, setting_names
from tests.kit.compose_file import variables_used

EXAMPLE = Path(__file__).parents[2] / ".env.example"


def documented() -> dict[str, str]:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    return {name: value for name, _, value in pairs}


def test_every_setting_is_in_the_example_and_no_other():
    compose = (variables_used() | {"COMPOSE_PROFILES"}) - {*setting_names()}
    assert sorted(documented()) == sorted([*setting_names(), *compose])


def test_the_example_shows_the_defaults(tmp_path, monkeypatch):
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)
    assert Settings(_env_file=EXAMPLE) == Settings(_env_file=None)


def test_every_setting_says_what_it_is():
    for name, field in Settings.model_fields.items():
        assert field.description, name


def test_secrets_don_t_show(monkeypatch):
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "123:abc")
    monkeypatch.setenv("DATABASE_URL", "postgresql+asyncpg://scout:hush@host/db")
    shown = repr(Settings(_env_file=None))
    assert "123:abc" not in shown
    assert "hush" not in shown


@pytest.mark.parametrize(("text", "ids"), [("1, 2", (1, 2)), ("7", (7,)), ("1;2", (1, 2))])
def test_owner_ids_as_people_write_them(monkeypatch, text, ids):
    monkeypatch.setenv("OWNER_IDS", text)
    assert Settings(_env_file=None).owner_ids == ids


@pytest.mark.parametrize(
    ("name", "value"),
    [("TIMEZONE", "Berlin"), ("OWNER_IDS", "me"), ("MAX_PARALLEL_RUNS", "0"),
     ("CHART_THEME", "pink"), ("LOG_LEVEL", "LOUD"), ("FEED", "ctrader"), ("FEED", "bridge"),
     ("MT5_BRIDGE_TOKEN", "short"), ("MT5_BRIDGE_ADDRESS", "here"), ("MT5_BRIDGE_ADDRESS", "h:99999"),
     ("BROKER_ZONE", "Athen")],
)  # fmt: skip
def test_wrong_values_are_refused(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        Settings(_env_file=None)


def test_the_database_s_default_lies_in_the_home(tmp_path):
    settings = Settings(_env_file=None, scout_home=tmp_path)
    assert settings.database == f"sqlite+aiosqlite:///{tmp_path}/scout.db"


@pytest.mark.parametrize(
    ("text", "zone"),
    [("Auto", "auto"), ("ny+7", "New York+7"), ("EET", "Europe/Athens"), ("utc+3", "UTC+3")],
)
def test_the_broker_s_clock_as_people_write_it(monkeypatch, text, zone):
    monkeypatch.setenv("BROKER_ZONE", text)
    assert Settings(_env_file=None).broker_zone == zone


def test_the_bridge_s_token_is_asked_for_by_name(monkeypatch):
    monkeypatch.setenv("FEED", "bridge")
    with pytest.raises(ValidationError) as caught:
        Settings(_env_file=None)
    assert caught.value.errors()[0]["loc"] == ("mt5_bridge_token",)
    monkeypatch.setenv("MT5_BRIDGE_TOKEN", "0123456789" * 3)
    assert "0123456789" not in repr(Settings(_env_file=None))
