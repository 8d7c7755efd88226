"""Own the Bot API methods that put messages into a chat."""

import secrets
from typing import Any

from bot.sandbox.entities import Formatted, read_formatted
from bot.sandbox.errors import bad_request
from bot.sandbox.files import StoredFile
from bot.sandbox.keyboard import read_markup
from bot.sandbox.params import Json, Params
from bot.sandbox.registry import bot_api
from bot.sandbox.world import World, public

TEXT_MAX = 4096
CAPTION_MAX = 1024
ALBUM_MIN, ALBUM_MAX = 2, 10
_ACTIONS = frozenset(
    {
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    }
)


def read_text(params: Params) -> Json:
    """Read a message's text and entities, 1 to 4096 code units after parsing."""
    if not params.text("text"):
        raise bad_request("message text is empty")
    formatted = read_formatted(params, "text", "entities")
    if not formatted.text:
        raise bad_request("text must be non-empty")
    if len(formatted) > TEXT_MAX:
        raise bad_request("message is too long")
    return _named(formatted, "text", "entities")


def read_caption(params: Params) -> Json:
    """Read a caption and its entities, up to 1024 code units after parsing; may be empty."""
    formatted = read_formatted(params, "caption", "caption_entities")
    if len(formatted) > CAPTION_MAX:
        raise bad_request("message caption is too long")
    return _named(formatted, "caption", "caption_entities") if formatted.text else {}


def _named(formatted: Formatted, text: str, entities: str) -> Json:
    found = {entities: list(formatted.entities)} if formatted.entities else {}
    return {text: formatted.text, **found}


def photo_content(sizes: list[StoredFile]) -> Json:
    """Give a photo as part of a message."""
    return {"photo": [size.as_photo_size() for size in sizes]}


def document_content(kept: StoredFile) -> Json:
    """Give a document as part of a message."""
    return {"document": kept.as_document()}


@bot_api
async def send_message(world: World, params: Params) -> Any:
    """Send a text."""
    return _send(world, params, read_text(params))


@bot_api
async def send_photo(world: World, params: Params) -> Any:
    """Send one photo with an optional caption."""
    caption = read_caption(params)
    world.people.writable(params.values.get("chat_id"))
    content = photo_content(await world.files.photo(params, "photo"))
    flags = {n: True for n in ("show_caption_above_media",) if params.flag(n)}
    spoiler = {"has_media_spoiler": True} if params.flag("has_spoiler") else {}
    return _send(world, params, {**content, **caption, **flags, **spoiler})


@bot_api
async def send_document(world: World, params: Params) -> Any:
    """Send one file with an optional caption."""
    caption = read_caption(params)
    world.people.writable(params.values.get("chat_id"))
    content = document_content(await world.files.document(params, "document"))
    return _send(world, params, {**content, **caption})


@bot_api
async def send_media_group(world: World, params: Params) -> Any:
    """Send an album of 2 to 10 photos or documents; it carries no keyboard."""
    items = params.structure("media")
    if not isinstance(items, list):
        raise bad_request("can't parse media JSON object")
    if not ALBUM_MIN <= len(items) <= ALBUM_MAX:
        raise bad_request(
            f"wrong number of media in the album: must include {ALBUM_MIN}-{ALBUM_MAX} items"
        )
    kinds = {item.get("type") if isinstance(item, dict) else None for item in items}
    if len(kinds) > 1 and "document" in kinds:
        raise bad_request("document can't be mixed with other media types")
    chat = world.people.writable(params.values.get("chat_id"))
    reply = _reply(world, params, chat.id)
    contents = [await read_media(world, params, item) for item in items]
    group = {"media_group_id": str(10**12 + secrets.randbelow(10**12))}
    return [
        public(world.post(chat, world.bot, {**content, **group, **reply})) for content in contents
    ]


async def read_media(world: World, params: Params, item: Any) -> Json:
    """Read one InputMediaPhoto or InputMediaDocument with its caption."""
    if not isinstance(item, dict):
        raise bad_request("can't parse InputMedia: expected an Object")
    kind = item.get("type")
    if kind not in {"photo", "document"}:
        raise bad_request(f'can\'t parse InputMedia: type "{kind}" is unsupported')
    if not item.get("media"):
        raise bad_request("can't parse InputMedia: media not found")
    inner = Params(item, params.uploads)
    caption = read_caption(inner)
    if kind == "photo":
        return photo_content(await world.files.photo(inner, "media")) | caption
    return document_content(await world.files.document(inner, "media")) | caption


@bot_api
async def copy_message(world: World, params: Params) -> Any:
    """Send another message's content as one's own."""
    source = world.people.chat(params.values.get("from_chat_id"))
    original = world.message(source.id, params.number("message_id"))
    if original is None:
        raise bad_request("message to copy not found")
    names = ("text", "entities", "photo", "document", "caption", "caption_entities")
    content = {name: original[name] for name in names if name in original}
    if params.has("caption"):
        content = {n: v for n, v in content.items() if not n.startswith("caption")}
        content |= read_caption(params)
    return {"message_id": _send(world, params, content)["message_id"]}


@bot_api
async def send_chat_action(world: World, params: Params) -> Any:
    """Show that the bot is busy, for about five seconds."""
    action = params.text("action").lower()
    if action not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat = world.people.writable(params.values.get("chat_id"))
    world.hub.put("action", chat_id=chat.id, action=action)
    return True


def _send(world: World, params: Params, content: Json) -> Json:
    markup = read_markup(params)
    chat = world.people.writable(params.values.get("chat_id"))
    keyboard = {"reply_markup": markup} if markup else {}
    reply = _reply(world, params, chat.id)
    return world.post(chat, world.bot, {**content, **reply, **keyboard})


def _reply(world: World, params: Params, chat_id: int) -> Json:
    given = params.structure("reply_parameters")
    if given is None and params.has("reply_to_message_id"):
        lenient = params.flag("allow_sending_without_reply")
        given = {
            "message_id": params.number("reply_to_message_id"),
            "allow_sending_without_reply": lenient,
        }
    if not given:
        return {}
    if "message_id" not in given:
        raise bad_request('can\'t find field "message_id"')
    target = world.message(chat_id, int(given["message_id"]))
    if target is None and not given.get("allow_sending_without_reply"):
        raise bad_request("message to be replied not found")
    if target is None:
        return {}
    return {
        "reply_to_message": {n: v for n, v in public(target).items() if n != "reply_to_message"}
    }
