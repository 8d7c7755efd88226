"""Own reply markup: what an inline keyboard may hold, and its refusals in Telegram's words."""

from typing import Any

from bot.sandbox.errors import ApiError, bad_request
from bot.sandbox.links import checked_link, mentioned_user
from bot.sandbox.params import Json, Params

BUTTONS_MAX = 100
ROW_MAX = 8
DATA_BYTES_MAX = 64
COPY_TEXT_MAX = 256
_STYLES = frozenset({"danger", "success", "primary"})
_ACTIONS = (
    "url",
    "callback_data",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
    "disabled",
)
_OTHER_MARKUPS = ("keyboard", "remove_keyboard", "force_reply")


def read_markup(params: Params) -> Json | None:
    """Read ``reply_markup``; None when there is none or its keyboard is empty.

    Notes
    -----
    Reply keyboards, their removal and forced replies are accepted and not shown: the sandbox's
    page has inline keyboards only.
    """
    value = params.structure("reply_markup")
    if value is None or value == {}:
        return None
    if not isinstance(value, dict):
        raise bad_request("object expected as reply markup")
    if "inline_keyboard" not in value:
        _check_other(value)
        return None
    rows = value["inline_keyboard"]
    if not isinstance(rows, list):
        raise bad_request('field "inline_keyboard" must be of type Array')
    checked = [row for row in map(_row, rows) if row]
    if sum(map(len, checked)) > BUTTONS_MAX:
        raise bad_request("REPLY_MARKUP_TOO_LONG")
    return {"inline_keyboard": checked} if checked else None


def _check_other(value: Json) -> None:
    name = next((name for name in _OTHER_MARKUPS if name in value), None)
    if name is None:
        raise bad_request("object expected as reply markup")
    wanted, words = (list, "Array") if name == "keyboard" else (bool, "Boolean")
    if not isinstance(value[name], wanted):
        raise bad_request(f'field "{name}" must be of type {words}')


def _row(row: Any) -> list[Json]:
    if not isinstance(row, list):
        raise bad_request('field "inline_keyboard" must be an Array of Arrays')
    if len(row) > ROW_MAX:
        raise bad_request("REPLY_MARKUP_TOO_LONG")
    return [_button(button) for button in row]


def _button(button: Any) -> Json:
    if not isinstance(button, dict):
        raise _unreadable("expected an Object")
    text = button.get("text")
    if text is None:
        raise _unreadable('Can\'t find field "text"')
    if not isinstance(text, str):
        raise _unreadable('Field "text" must be of type String')
    if not text.strip():
        raise bad_request("BUTTON_TEXT_INVALID")
    style = button.get("style")
    if style is not None and style not in _STYLES:
        raise _unreadable("Invalid button style specified")
    given = [name for name in _ACTIONS if button.get(name) not in (None, "", False)]
    given += [name for name in _ACTIONS if name.startswith("switch") and button.get(name) == ""]
    if not given:
        raise _unreadable("Text buttons are unallowed in the inline keyboard")
    if len(given) > 1:
        # Telegram keeps one of them without a word; its documentation says exactly one
        raise _unreadable(f"Exactly one action is allowed, found {', '.join(given)}")
    action = _action(given[0], button[given[0]])
    return {"text": text, **({"style": style} if style else {}), **action}


def _action(name: str, value: Any) -> Json:
    check = {
        "url": _url,
        "callback_data": _data,
        "copy_text": _copy,
        "web_app": _web_app,
        "pay": _misplaced,
        "callback_game": _misplaced,
        "login_url": _misplaced_login,
    }.get(name)
    return {name: check(value) if check else value}


def _url(value: Any) -> str:
    if not isinstance(value, str):
        raise _unreadable('Field "url" must be of type String')
    if mentioned_user(value) is not None:
        return value
    return checked_link(value, "inline keyboard button URL")


def _data(value: Any) -> str:
    if not isinstance(value, str):
        raise _unreadable('Field "callback_data" must be of type String')
    if len(value.encode()) > DATA_BYTES_MAX:
        raise bad_request("BUTTON_DATA_INVALID")
    return value


def _copy(value: Any) -> Json:
    text = value.get("text") if isinstance(value, dict) else None
    if not isinstance(text, str) or not 1 <= len(text) <= COPY_TEXT_MAX:
        raise bad_request("BUTTON_COPY_TEXT_INVALID")
    return {"text": text}


def _web_app(value: Any) -> Json:
    url = value.get("url") if isinstance(value, dict) else None
    if not isinstance(url, str) or not url.startswith("https://"):
        raise bad_request(
            f"inline keyboard button Web App URL '{url}' is invalid: Only HTTPS links are allowed"
        )
    return {"url": url}


def _misplaced(_: Any) -> Any:
    raise bad_request("BUTTON_TYPE_INVALID")


def _misplaced_login(_: Any) -> Any:
    raise bad_request("BOT_DOMAIN_INVALID")


def _unreadable(reason: str) -> ApiError:
    return bad_request(f"can't parse inline keyboard button: {reason}")
