"""Own the Bot API methods that change, take away or mark a message that is there."""

import re
from typing import Any

from bot.sandbox.api_messages import read_caption, read_media, read_text
from bot.sandbox.errors import bad_request
from bot.sandbox.keyboard import read_markup
from bot.sandbox.params import Json, Params
from bot.sandbox.registry import bot_api
from bot.sandbox.world import World

_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the "
    "same as a current content and reply markup of the message"
)
_DELETABLE_SECONDS = 48 * 3600
_BODY = ("text", "entities", "photo", "document", "caption", "caption_entities")
_DELETE_MANY_MAX = 100
_EMOJI = (
    "👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 "
    "🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 "
    "😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 "
    "🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡"
)
REACTIONS = frozenset(re.findall(r"\S+", _EMOJI))


@bot_api
async def edit_message_text(world: World, params: Params) -> Any:
    """Replace a text; without ``reply_markup`` the buttons go."""
    content = read_text(params)
    markup = read_markup(params)
    message = _own(world, params)
    if "text" not in message:
        raise bad_request("there is no text in the message to edit")
    return _change(world, message, content, ("text", "entities"), markup)


@bot_api
async def edit_message_caption(world: World, params: Params) -> Any:
    """Replace the caption of a photo or document; without ``reply_markup`` the buttons go."""
    content = read_caption(params)
    markup = read_markup(params)
    message = _own(world, params)
    if "photo" not in message and "document" not in message:
        raise bad_request("there is no caption in the message to edit")
    return _change(world, message, content, ("caption", "caption_entities"), markup)


@bot_api
async def edit_message_media(world: World, params: Params) -> Any:
    """Replace a photo or document with its caption; without ``reply_markup`` the buttons go."""
    markup = read_markup(params)
    message = _own(world, params)
    if "photo" not in message and "document" not in message:
        raise bad_request("there is no media in the message to edit")
    content = await read_media(world, params, params.structure("media"))
    return _change(world, message, content, _BODY, markup)


@bot_api
async def edit_message_reply_markup(world: World, params: Params) -> Any:
    """Replace the buttons only; none given takes them away."""
    markup = read_markup(params)
    return _change(world, _own(world, params), {}, (), markup)


def _own(world: World, params: Params) -> Json:
    chat = world.people.writable(params.values.get("chat_id"))
    if not params.has("message_id"):
        raise bad_request("message identifier is not specified")
    message = world.message(chat.id, params.number("message_id"))
    if message is None:
        raise bad_request("message to edit not found")
    if message["from"]["id"] != world.bot["id"]:
        raise bad_request("message can't be edited")
    return message


def _change(
    world: World, message: Json, content: Json, replaced: tuple[str, ...], markup: Json | None
) -> Json:
    keyboard = {"reply_markup": markup} if markup else {}
    gone = {*replaced, "reply_markup"}
    changed = {n: v for n, v in message.items() if n not in gone} | content | keyboard
    if changed == message:
        raise bad_request(_NOT_MODIFIED)
    # Telegram does not date an edit that touched the buttons only
    dated = {"edit_date": world.now} if content or replaced else {}
    return world.keep(changed | dated)


@bot_api
async def delete_message(world: World, params: Params) -> Any:
    """Take one message away, one's own or, in a private chat, the other's."""
    chat = world.people.chat(params.values.get("chat_id"))
    _delete(world, chat.id, params.number("message_id"))
    return True


@bot_api
async def delete_messages(world: World, params: Params) -> Any:
    """Take up to 100 messages away; those that are not there are passed over."""
    chat = world.people.chat(params.values.get("chat_id"))
    numbers = params.structure("message_ids")
    if not isinstance(numbers, list) or not 1 <= len(numbers) <= _DELETE_MANY_MAX:
        raise bad_request("message identifiers are not specified")
    for number in numbers:
        if world.message(chat.id, int(number)) is not None:
            _delete(world, chat.id, int(number))
    return True


def _delete(world: World, chat_id: int, message_id: int) -> None:
    message = world.message(chat_id, message_id)
    if message is None:
        raise bad_request("message to delete not found")
    if world.now - message["date"] > _DELETABLE_SECONDS:
        raise bad_request("message can't be deleted for everyone")
    world.delete(chat_id, message_id)


@bot_api
async def set_message_reaction(world: World, params: Params) -> Any:
    """Set the bot's one reaction on a message, or take it away."""
    chat = world.people.writable(params.values.get("chat_id"))
    message = world.message(chat.id, params.number("message_id"))
    if message is None:
        raise bad_request("message to react not found")
    emoji = read_reaction(params.structure("reaction"))
    if len(emoji) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    world.react(message, "bot", emoji)
    return True


def read_reaction(value: Any) -> list[str]:
    """Read a list of ReactionType, the free emoji only."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise bad_request("can't parse reaction types JSON object")
    emoji = [item.get("emoji") if isinstance(item, dict) else None for item in value]
    if not all(sign in REACTIONS for sign in emoji):
        raise bad_request("REACTION_INVALID")
    return [str(sign) for sign in emoji]


@bot_api
async def answer_callback_query(world: World, params: Params) -> Any:
    """End a button's waiting, with a notice or an alert; once for each press."""
    text = params.text("text")
    if len(text) > 200:  # noqa: PLR2004 - answerCallbackQuery: 0-200 characters
        raise bad_request("MESSAGE_TOO_LONG")
    answer = {"text": text, "show_alert": params.flag("show_alert"), "url": params.text("url")}
    world.answer(params.text("callback_query_id"), answer)
    return True
