"""Own the Bot API methods about the bot itself: who it is, updates, commands, files, chats."""

import re
from typing import Any

from bot.sandbox.errors import bad_request
from bot.sandbox.files import DOWNLOAD_BYTES_MAX
from bot.sandbox.params import Json, Params
from bot.sandbox.people import Person
from bot.sandbox.registry import bot_api
from bot.sandbox.world import World

_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_COMMANDS_MAX = 100
_COMMAND_TEXT_MAX = 256
_SCOPES = frozenset(
    {
        "default",
        "all_private_chats",
        "all_group_chats",
        "all_chat_administrators",
        "chat",
        "chat_administrators",
        "chat_member",
    }
)


@bot_api
async def get_me(world: World, _params: Params) -> Any:
    """Tell who the bot is."""
    return world.bot | {
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


@bot_api
async def get_updates(world: World, params: Params) -> Any:
    """Wait for updates."""
    return await world.updates.poll(params)


@bot_api
async def log_out(_world: World, _params: Params) -> Any:
    """Agree."""
    return True


@bot_api
async def close(_world: World, _params: Params) -> Any:
    """Agree."""
    return True


@bot_api
async def set_my_commands(world: World, params: Params) -> Any:
    """Keep the command menu of a scope and language."""
    given = params.structure("commands")
    if not isinstance(given, list):
        raise bad_request("can't parse commands JSON object")
    if len(given) > _COMMANDS_MAX:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    commands = [_command(item) for item in given]
    _keep_commands(world, params, commands)
    return True


@bot_api
async def delete_my_commands(world: World, params: Params) -> Any:
    """Take the command menu of a scope and language away."""
    _keep_commands(world, params, [])
    return True


@bot_api
async def get_my_commands(world: World, params: Params) -> Any:
    """Give the command menu of exactly this scope and language."""
    kept: dict[str, list[Json]] = world.store.fact("commands", {})
    return kept.get(_scope(world, params), [])


def menu(world: World, chat_id: int, language: str) -> list[Json]:
    """Give the commands a reader sees: narrowest scope first, then the own language."""
    kept: dict[str, list[Json]] = world.store.fact("commands", {})
    private = "all_private_chats" if chat_id > 0 else "all_group_chats"
    for scope in (f"chat {chat_id}", private, "default"):
        for tongue in (language, ""):
            if kept.get(f"{scope}/{tongue}"):
                return kept[f"{scope}/{tongue}"]
    return []


def _keep_commands(world: World, params: Params, commands: list[Json]) -> None:
    kept = world.store.fact("commands", {})
    kept[_scope(world, params)] = commands
    world.store.set_fact("commands", kept)
    world.hub.put("commands")


def _command(item: Any) -> Json:
    name = item.get("command") if isinstance(item, dict) else None
    text = item.get("description") if isinstance(item, dict) else None
    if not isinstance(name, str) or not isinstance(text, str):
        raise bad_request("can't parse BotCommand: expected command and description")
    name = name.removeprefix("/")
    if not _COMMAND.fullmatch(name):
        raise bad_request("BOT_COMMAND_INVALID")
    if not 1 <= len(text.strip()) <= _COMMAND_TEXT_MAX:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": name, "description": text.strip()}


def _scope(world: World, params: Params) -> str:
    scope = params.structure("scope") or {"type": "default"}
    kind = scope.get("type") if isinstance(scope, dict) else None
    if kind not in _SCOPES:
        raise bad_request("can't parse BotCommandScope: Unsupported type specified")
    if kind.startswith("chat"):
        kind = f"{kind} {world.people.chat(scope.get('chat_id')).id}"
    return f"{kind}/{params.text('language_code')}"


def _described(name: str, limit: int) -> None:
    """Register the setter and getter of one of the bot's texts."""

    async def setter(world: World, params: Params) -> Any:
        text = params.text(name)
        if len(text) > limit:
            raise bad_request(f"BOT_{name.upper()}_TOO_LONG")
        texts = world.store.fact(f"my_{name}", {})
        texts[params.text("language_code")] = text
        world.store.set_fact(f"my_{name}", texts)
        world.hub.put("people")
        return True

    async def getter(world: World, params: Params) -> Any:
        texts = world.store.fact(f"my_{name}", {})
        default = world.bot["first_name"] if name == "name" else ""
        return {name: texts.get(params.text("language_code")) or texts.get("") or default}

    setter.__name__, getter.__name__ = f"set_my_{name}", f"get_my_{name}"
    bot_api(setter)
    bot_api(getter)


for _name, _limit in (("name", 64), ("description", 512), ("short_description", 120)):
    _described(_name, _limit)


@bot_api
async def get_file(world: World, params: Params) -> Any:
    """Give a file's path for a download, up to 20 MB."""
    kept = world.files.by_id(params.text("file_id"))
    if kept is None:
        raise bad_request("wrong file_id or the file is temporarily unavailable")
    if kept.size > DOWNLOAD_BYTES_MAX:
        raise bad_request("file is too big")
    return kept.as_file()


@bot_api
async def get_chat(world: World, params: Params) -> Any:
    """Give what is known of a chat."""
    chat = world.people.chat(params.values.get("chat_id"))
    full = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": _NO_GIFTS}
    return chat.as_chat() | full


@bot_api
async def get_chat_member(world: World, params: Params) -> Any:
    """Tell whether somebody is in a chat."""
    chat = world.people.chat(params.values.get("chat_id"))
    number = params.number("user_id")
    if number == world.bot["id"]:
        return {"status": "member", "user": world.bot}
    person = world.people.person(number)
    inside = person == chat if isinstance(chat, Person) else number in chat.members
    return {"status": "member" if inside else "left", "user": person.as_user()}


_NO_GIFTS = {
    "unlimited_gifts": False,
    "limited_gifts": False,
    "unique_gifts": False,
    "premium_subscription": False,
    "gifts_from_channels": False,
}
