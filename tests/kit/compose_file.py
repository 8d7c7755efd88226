"""docker-compose.yml and the Dockerfile as Docker reads them, as far as ours use their words."""

import fnmatch
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE, DOCKERFILE, IGNORED = (
    ROOT / name for name in ("docker-compose.yml", "Dockerfile", ".dockerignore")
)
_VARIABLE = re.compile(
    r"\$(?:\$|\{(?P<name>\w+)(?:(?P<rule>:?[-?])(?P<rest>[^}]*))?\}|(?P<bare>\w+))"
)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

Service = dict[str, Any]


def read_compose(variables: dict[str, str]) -> dict[str, Any]:
    """Return the file with `${NAME:-default}` filled in from `variables`."""
    return _filled(yaml.safe_load(COMPOSE.read_text(encoding="utf-8")), variables)


def variables_used() -> set[str]:
    """Return the names of all variables that the file asks for."""
    text = COMPOSE.read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return {m["name"] for m in _VARIABLE.finditer("\n".join(lines)) if m["name"]}


def _filled(value: Any, variables: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, variables) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, variables) for inner in value]
    return (
        _VARIABLE.sub(lambda m: _value(m, variables), value) if isinstance(value, str) else value
    )


def _value(found: re.Match[str], variables: dict[str, str]) -> str:
    name = found["name"] or found["bare"]
    if name is None:
        return "$"
    held, rule = variables.get(name), found["rule"] or ""
    if held is None or (rule.startswith(":") and not held):
        if rule.endswith("?"):
            raise KeyError(f"{name}: {found['rest']}")
        return found["rest"] or "" if rule.endswith("-") else ""
    return held


def seconds(text: str) -> float:
    """Return "1m30s" in seconds."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    assert "".join(n + u for n, u in parts) == text, text
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def size(text: str) -> int:
    """Return "512M" in bytes."""
    number, unit = re.fullmatch(r"(\d+)([MG])", text).groups()
    return int(number) * {"M": 2**20, "G": 2**30}[unit]


def env_file(text: str) -> dict[str, str]:
    """Return what an .env file says."""
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value.strip().strip("\"'") for name, _, value in pairs}


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions in order, each with its words."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return [(word, rest) for line in lines if line for word, _, rest in [line.partition(" ")]]


def image_environment() -> dict[str, str]:
    """Return what the image's last stage sets."""
    last = max(i for i, (word, _) in enumerate(instructions()) if word == "FROM")
    said = (rest for word, rest in instructions()[last:] if word == "ENV")
    return dict(pair.split("=", 1) for rest in said for pair in shlex.split(rest))


def sent_to_builder(path: Path) -> bool:
    """Tell whether .dockerignore lets a file of the project through; its last fitting line counts."""
    name, sent = str(path.relative_to(ROOT)), True
    for line in IGNORED.read_text(encoding="utf-8").splitlines():
        pattern = line.removeprefix("!")
        if not line or line.startswith("#"):
            continue
        ways = [name, *(str(p) for p in Path(name).parents if str(p) != ".")]
        if pattern.startswith("**/"):
            fits = any(fnmatch.fnmatch(Path(way).name, pattern[3:]) for way in ways)
        else:
            fits = pattern in ways or pattern == "*"
        if fits:
            sent = line.startswith("!")
    return sent


def build_app(target: Path) -> None:
    """Copy into `target` what the image's /app gets, by the Dockerfile's own COPY lines."""
    copies = [
        rest.split() for word, rest in instructions() if word == "COPY" and "--from" not in rest
    ]
    for *sources, place in copies:
        for source in sources:
            origin = ROOT / source
            files = [origin] if origin.is_file() else [p for p in origin.rglob("*") if p.is_file()]
            wanted = [file for file in files if sent_to_builder(file)]
            assert wanted, f"COPY {source}: nothing of it is sent to the builder"
            for file in wanted:
                inside = file.relative_to(origin) if origin.is_dir() else Path(file.name)
                aim = target / place / inside
                aim.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, aim)
