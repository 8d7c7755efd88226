"""Secrets from files: found, refused when unclear, said in one line by every process."""

import os
import subprocess
import sys

import pytest
from pydantic import SecretStr
from pydantic_settings import SettingsError

from flows.settings import Settings

SECRETS = {
    name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
}


@pytest.fixture
def secret(tmp_path, monkeypatch):
    """Write a secret's file and name it; the value itself is unset."""

    def write(name, text):
        monkeypatch.delenv(name, raising=False)
        path = tmp_path / name.lower()
        path.write_text(text)
        monkeypatch.setenv(f"{name}_FILE", str(path))
        return path

    return write


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_every_secret_may_stand_in_a_file(secret, name):
    secret(name.upper(), "  a-secret-of-24-characters-or-more\n")
    found = getattr(Settings(_env_file=None), name)
    assert found == SecretStr("a-secret-of-24-characters-or-more")


def test_an_empty_file_is_no_secret(secret):
    secret("TELEGRAM_BOT_TOKEN", "\n")
    assert Settings(_env_file=None).telegram_bot_token is None


def test_an_argument_wins_over_a_file(secret):
    secret("TELEGRAM_BOT_TOKEN", "1:file")
    assert Settings(_env_file=None, telegram_bot_token="1:said").telegram_bot_token == SecretStr(
        "1:said"
    )


def test_a_file_may_be_named_in_the_env_file_too(tmp_path, monkeypatch):
    monkeypatch.delenv("REDIS_URL", raising=False)
    (tmp_path / "redis").write_text("redis://x/0")
    (tmp_path / ".env").write_text(f"REDIS_URL=\nREDIS_URL_FILE={tmp_path / 'redis'}\n")
    assert Settings(_env_file=tmp_path / ".env").redis_url == SecretStr("redis://x/0")


def test_a_missing_file_and_two_ways_at_once_are_refused(secret, monkeypatch):
    path = secret("TELEGRAM_BOT_TOKEN", "1:file")
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "1:said")
    with pytest.raises(
        SettingsError, match="TELEGRAM_BOT_TOKEN and TELEGRAM_BOT_TOKEN_FILE say different"
    ) as both:
        Settings(_env_file=None)
    assert "1:" not in str(both.value)
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "1:file")
    assert Settings(_env_file=None).telegram_bot_token == SecretStr("1:file")
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "")
    path.unlink()
    with pytest.raises(SettingsError, match="TELEGRAM_BOT_TOKEN_FILE: there is no file /"):
        Settings(_env_file=None)


@pytest.mark.parametrize(
    "module", ["bot", "flows.worker", "flows.scanner", "flows.prefect_server", "flows.cli"]
)
def test_every_process_says_it_in_one_line(module, tmp_path):
    env = {**os.environ, "SCOUT_HOME": str(tmp_path), "TELEGRAM_BOT_TOKEN_FILE": "/nowhere/token"}
    env.pop("TELEGRAM_BOT_TOKEN", None)
    words = (
        ("-c", "from flows.cli import main; main()", "runs")
        if module == "flows.cli"
        else ("-m", module)
    )
    done = subprocess.run(
        [sys.executable, *words], check=False, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "Setting TELEGRAM_BOT_TOKEN_FILE: there is no file /nowhere/token" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_refuses_a_pool_that_nobody_serves(tmp_path):
    env = {**os.environ, "SCOUT_HOME": str(tmp_path)}
    words = ("-m", "flows.worker", "--pools", "local_pool,lokal_pool")
    done = subprocess.run(
        [sys.executable, *words], check=False, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert (
        "no worker serves a pool 'lokal_pool'; there are local_pool, training_pool" in done.stderr
    )
