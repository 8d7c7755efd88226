"""A setup's file with one value changed, as a draft: its text, comments and all else stay."""

import json
import re
from typing import Any

import yaml

from pipeline.domain.errors import SetupError
from pipeline.research.template import Template
from pipeline.research.values import Value, read_values
from pipeline.setups.authoring import signed
from pipeline.setups.reading import read_marked
from pipeline.setups.rules import SetupSpec, assign, difference

_STATUS = re.compile(r"(?m)^status[ \t]*:.*$")
_ID = re.compile(r"(?m)^setup_id[ \t]*:[ \t]*\S+")


def as_draft(text: str, file: str, *, author: str, reason: str, setup_id: str = "") -> str:
    """Return a file's text as a draft, signed, perhaps under another id.

    Raises
    ------
    SetupError
        The text is no valid setup.
    """
    if setup_id:
        text = _ID.sub(f"setup_id: {setup_id}", text, count=1)
    line = "status: draft"
    text = _STATUS.sub(line, text, count=1) if _STATUS.search(text) else f"{line}\n{text}"
    return signed(text, file, author=author, reason=reason)


def changed_text(template: Template, path: str, typed: str) -> str:
    """Return the file's text with another value on `path`, as it is typed in a command.

    Comments stay where the file writes the value out; else the text is written anew without them.

    Raises
    ------
    SetupError
        The file can't say that with one value: a variant that is switched on sets it too.
    """
    value = read_values(path, typed, typed)[0]
    wanted = template.variant({path: value})
    for text in (_in_place(template.text, path, value), _anew(template, path, value)):
        if text is not None and _says(text, template, wanted):
            return text
    raise SetupError(
        f"{template.file}: {path} can't be set to {typed} in one place: change it by hand",
        file=template.file, field=path,
    )  # fmt: skip


def _says(text: str, template: Template, wanted: SetupSpec) -> bool:
    try:
        plain = Template(text, template.file, template.rule_version).plain
    except SetupError:
        return False
    return not difference(wanted, plain)


def _in_place(text: str, path: str, value: Value) -> str | None:
    """Replace the value where it stands; None where the file doesn't write it."""
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    for key in path.split("."):
        if isinstance(node, yaml.MappingNode):
            node = next((v for k, v in node.value if k.value == key), None)
        elif isinstance(node, yaml.SequenceNode) and key.isdigit() and int(key) < len(node.value):
            node = node.value[int(key)]
        else:
            return None
    if not isinstance(node, yaml.ScalarNode):
        return None
    shown = json.dumps(value)
    return text[: node.start_mark.index] + shown + text[node.end_mark.index :]


def _anew(template: Template, path: str, value: Value) -> str | None:
    document = json.loads(json.dumps(read_marked(template.text, template.file).document))
    keys = path.split(".")
    if keys[0] == "use":
        document["use"] = list(template.variant({path: value}).use)
    else:
        document.setdefault(keys[0], {})
        if keys[0] == "targets" and keys[2:] == ["tp"]:
            document["targets"][int(keys[1])].pop("at", None)
        try:
            assign(document, keys, value)
        except (KeyError, IndexError, ValueError, TypeError):
            return None
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
