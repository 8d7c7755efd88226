"""The sandbox against the unmodified aiogram client: each method, each rule, each fault."""

import asyncio
import contextlib
import html
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiogram import Bot, Dispatcher
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.filters import Command, CommandObject
from aiogram.methods import SendDice
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BufferedInputFile,
    CallbackQuery,
    CopyTextButton,
    DisabledButton,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    Message,
    MessageEntity,
    ReactionTypeEmoji,
    ReplyParameters,
    TelegramObject,
)
from aiogram.utils.formatting import (
    Bold,
    Code,
    DateTime,
    ExpandableBlockQuote,
    Pre,
    Spoiler,
    Text,
    TextLink,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.sandbox.entities import read_formatted
from bot.sandbox.errors import ApiError
from bot.sandbox.html_markup import parse_html
from bot.sandbox.params import Params
from bot.sandbox.people import TRADER_ID as ME
from tests.kit.sandbox import (
    TOKEN,
    RunningSandbox,
    buttons_of,
    running_sandbox,
    sandbox_process,
    text_of,
)

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the "
    "same as a current content and reply markup of the message"
)
TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[RunningSandbox]:
    async with running_sandbox(tmp_path / "home") as running:
        yield running


@pytest.fixture
def bot(sandbox: RunningSandbox) -> Bot:
    return sandbox.bot()


def png(width: int = 60, height: int = 40, colour: str = "navy") -> BufferedInputFile:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "PNG")
    return BufferedInputFile(out.getvalue(), "chart.png")


def keys(*rows: list[InlineKeyboardButton]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(inline_keyboard=list(rows))


def key(text: str = "Go", **action: Any) -> InlineKeyboardButton:
    return InlineKeyboardButton(text=text, **(action or {"callback_data": "go"}))


def same(one: TelegramObject, other: TelegramObject) -> bool:
    """Compare what was received with what was made here: the first is bound to its bot."""
    return one.model_dump() == other.model_dump()


async def refusal(call: Any) -> str:
    with pytest.raises(TelegramBadRequest) as caught:
        await call
    return caught.value.message.removeprefix("Bad Request: ")


# --- text and entities -----------------------------------------------------------------------


async def test_text_comes_back_as_sent_with_its_entities(bot: Bot):
    body = Text(
        Bold("EURUSD"),
        " p < 0.05 🚀 ",
        Code("1.0850"),
        "\n",
        Pre("a = 1", language="python"),
        Spoiler("hidden"),
        TextLink("site", url="https://example.com/a"),
        DateTime("at nine", unix_time=1_780_000_000, date_time_format="wDT"),
        "\n",
        ExpandableBlockQuote("long\nquote"),
    )
    message = await bot.send_message(ME, **body.as_kwargs())
    wanted = body.as_kwargs()
    assert message.text == wanted["text"]
    given = [(e.type, e.offset, e.length) for e in wanted["entities"]]
    assert [(e.type, e.offset, e.length) for e in message.entities] == given
    assert message.from_user.is_bot
    assert message.chat.id == ME


@pytest.mark.parametrize(
    ("text", "mode", "plain", "kinds"),
    [
        ("<b>bold</b> &lt;x&gt; <i>it<u>al</u></i>", "HTML", "bold <x> ital", ["bold", "italic", "underline"]),
        ("<B>up</B>", "html", "up", ["bold"]),
        ('<pre><code class="language-python">x = 1</code></pre>', "HTML", "x = 1", ["pre"]),
        ("<blockquote expandable>q</blockquote>", "HTML", "q", ["expandable_blockquote"]),
        ('<span class="tg-spoiler">s</span><tg-spoiler>t</tg-spoiler>', "HTML", "st", ["spoiler", "spoiler"]),
        ('<a href="https://a.example/?x=1&amp;y=2">l</a>', "HTML", "l", ["text_link"]),
        ('<a href="http://localhost">l</a>', "HTML", "l", []),
        ('<tg-time unix="1780000000" format="r">soon</tg-time>', "HTML", "soon", ["date_time"]),
        ("*b* _i_ __u__ ~s~ ||h|| `c`", "MarkdownV2", "b i u s h c", ["bold", "italic", "underline", "strikethrough", "spoiler", "code"]),
        ("a\\.b \\- [t](https://a.example/x\\)y)", "MarkdownV2", "a.b - t", ["text_link"]),
        ("```python\nx = 1```", "MarkdownV2", "x = 1", ["pre"]),
        (">one\n>two\nafter", "MarkdownV2", "one\ntwo\nafter", ["blockquote"]),
        ("**>one\n>two||", "MarkdownV2", "one\ntwo", ["expandable_blockquote"]),
        ("![at](tg://time?unix=1780000000&format=t)", "MarkdownV2", "at", ["date_time"]),
        ("*bold* `c` [l](https://a.example)", "Markdown", "bold c l", ["bold", "code", "text_link"]),
        ("  /start now  ", None, "/start now", ["bot_command"]),
        ("see https://a.example/x, @someone #tag $USD", None, "see https://a.example/x, @someone #tag $USD", ["url", "mention", "hashtag", "cashtag"]),
    ],
)  # fmt: skip
async def test_markup_is_parsed(
    bot: Bot, text: str, mode: str | None, plain: str, kinds: list[str]
):
    message = await bot.send_message(ME, text, parse_mode=mode)
    assert message.text == plain
    assert [entity.type for entity in message.entities or []] == kinds


@pytest.mark.parametrize(
    ("text", "mode", "reason"),
    [
        ("p < 0.05", "HTML", 'Unsupported start tag "" at byte offset 2'),
        ("é<x>", "HTML", 'Unsupported start tag "x" at byte offset 2'),
        ("<b>open", "HTML", 'Can\'t find end tag corresponding to start tag "b"'),
        ("<b><i>t</b></i>", "HTML", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ("t</b>", "HTML", "Unexpected end tag at byte offset 1"),
        ("a <b", "HTML", "Unclosed start tag at byte offset 2"),
        ("<span>x</span>", "HTML", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ('<tg-emoji emoji-id="9999999999999999999">x</tg-emoji>', "HTML", "Invalid custom emoji identifier specified"),
        ("hello.", "MarkdownV2", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("a-b", "MarkdownV2", "Character '-' is reserved and must be escaped with the preceding '\\'"),
        ("a>b", "MarkdownV2", "Character '>' is reserved and must be escaped with the preceding '\\'"),
        ("a|b", "MarkdownV2", "Character '|' is reserved and must be escaped with the preceding '\\'"),
        ("*unclosed", "MarkdownV2", "Can't find end of Bold entity at byte offset 0"),
        ("a_b", "MarkdownV2", "Can't find end of Italic entity at byte offset 1"),
        ("*unclosed", "Markdown", "Can't find end of the entity starting at byte offset 0"),
        ("Frank_raid", "Markdown", "Can't find end of the entity starting at byte offset 5"),
    ],
)  # fmt: skip
async def test_bad_markup_is_refused_in_telegrams_words(
    bot: Bot, text: str, mode: str, reason: str
):
    assert (
        await refusal(bot.send_message(ME, text, parse_mode=mode))
        == f"can't parse entities: {reason}"
    )


@pytest.mark.parametrize(
    ("entity", "reason"),
    [
        ({"type": "bold", "offset": 100, "length": 1}, "entity begins after the end of the text at UTF-16 offset 100"),
        ({"type": "bold", "offset": 0, "length": 100}, "entity beginning at UTF-16 offset 0 ends after the end of the text at UTF-16 offset 100"),
        ({"type": "bold", "offset": -1, "length": 1}, "receive an entity with incorrect offset -1"),
        ({"type": "bold", "offset": 3, "length": 1}, "entity begins in a middle of a UTF-16 symbol at offset 3"),
        ({"type": "bold", "offset": 0, "length": 3}, "entity beginning at UTF-16 offset 0 ends in a middle of a UTF-16 symbol at UTF-16 offset 3"),
        ({"type": "shiny", "offset": 0, "length": 1}, "can't parse MessageEntity: Unsupported type specified"),
        ({"type": "text_link", "offset": 0, "length": 1}, 'can\'t parse MessageEntity: Can\'t find field "url"'),
        ({"type": "text_link", "offset": 0, "length": 1, "url": "not-a-url"}, "entity URL 'not-a-url' is invalid: Wrong HTTP URL"),
        ({"type": "text_link", "offset": 0, "length": 1, "url": "ftp://a.example"}, "entity URL 'ftp://a.example' is invalid: Unsupported URL protocol"),
        ({"type": "text_mention", "offset": 0, "length": 1}, 'can\'t parse MessageEntity: Can\'t find field "user"'),
        ({"type": "custom_emoji", "offset": 0, "length": 1}, 'can\'t parse MessageEntity: Can\'t find field "custom_emoji_id"'),
        ({"type": "date_time", "offset": 0, "length": 1}, 'can\'t parse MessageEntity: Can\'t find field "unix_time"'),
        ({"type": "date_time", "offset": 0, "length": 1, "unix_time": 5, "date_time_format": "dd"}, "can't parse MessageEntity: Invalid date-time format specified"),
    ],
)  # fmt: skip
async def test_bad_entities_are_refused(bot: Bot, entity: dict[str, Any], reason: str):
    assert (
        await refusal(bot.send_message(ME, "he🚀o", entities=[MessageEntity(**entity)])) == reason
    )


async def test_lengths_count_utf16_after_parsing(bot: Bot):
    assert (await bot.send_message(ME, "🚀" * 2048)).text == "🚀" * 2048
    assert await refusal(bot.send_message(ME, "🚀" * 2048 + "x")) == "message is too long"
    assert (
        await bot.send_message(ME, f"<b>{'x' * 4096}</b>", parse_mode="HTML")
    ).text == "x" * 4096
    assert len((await bot.send_photo(ME, png(), caption="x" * 1024)).caption) == 1024
    assert (
        await refusal(bot.send_photo(ME, png(), caption="x" * 1025))
        == "message caption is too long"
    )


@pytest.mark.parametrize(
    ("chat", "text", "reason"),
    [
        (ME, "", "message text is empty"),
        (0, "", "message text is empty"),
        (ME, " \n ", "text must be non-empty"),
        (12345, "x", "chat not found"),
        (-1, "x", "chat not found"),
        ("@nobody_here", "x", "chat not found"),
        ("", "x", "chat_id is empty"),
    ],
)
async def test_empty_texts_and_unknown_chats(bot: Bot, chat: Any, text: str, reason: str):
    assert await refusal(bot.send_message(chat, text)) == reason


async def test_unknown_parse_mode(bot: Bot):
    assert await refusal(bot.send_message(ME, "x", parse_mode="wiki")) == "unsupported parse_mode"


WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=8
)
TAGS = {
    "b": "bold",
    "i": "italic",
    "u": "underline",
    "s": "strikethrough",
    "tg-spoiler": "spoiler",
}
NESTED = st.recursive(WORDS, lambda inner: st.tuples(st.sampled_from([*TAGS]), st.lists(inner, min_size=1, max_size=3)), max_leaves=6)  # fmt: skip
Found = list[tuple[str, int, int]]


def written(node: Any, at: int = 0) -> tuple[str, str, Found]:
    """Give a tree's HTML, its plain text and the entities that should be found."""
    if isinstance(node, str):
        return html.escape(node, quote=False), node, []
    tag, children = node
    marked, plain, found = "", "", []
    for child in children:
        inner, text, inside = written(child, at + len(plain.encode("utf-16-le")) // 2)
        marked, plain, found = marked + inner, plain + text, found + inside
    own = (TAGS[tag], at, len(plain.encode("utf-16-le")) // 2)
    return f"<{tag}>{marked}</{tag}>", plain, [*found, own]


@given(NESTED)
@settings(max_examples=100, deadline=None)
def test_html_gives_the_text_and_the_entities_it_was_written_from(node: Any):
    marked, plain, wanted = written(node)
    text, entities = parse_html(marked)
    assert text == plain
    assert [(e["type"], e["offset"], e["length"]) for e in entities] == wanted


@given(st.text(max_size=40), st.sampled_from(["html", "markdownv2", "markdown"]))
@settings(max_examples=100, deadline=None)
def test_any_text_is_read_or_refused(text: str, mode: str):
    params = Params({"text": text, "parse_mode": mode})
    with contextlib.suppress(ApiError):
        formatted = read_formatted(params, "text", "entities")
        for entity in formatted.entities:
            assert 0 <= entity["offset"] < entity["offset"] + entity["length"] <= len(formatted)


# --- keyboards -------------------------------------------------------------------------------


async def test_keyboard_is_kept_with_style_copy_text_and_disabled(bot: Bot):
    markup = keys(
        [key("A", callback_data="x" * 64), key("B", url="https://a.example")],
        [key("C", copy_text=CopyTextButton(text="1.0850"), style="success")],
        [InlineKeyboardButton(text="D", disabled=DisabledButton())],
    )
    message = await bot.send_message(ME, "keys", reply_markup=markup)
    assert same(message.reply_markup, markup)


@pytest.mark.parametrize(
    ("button", "reason"),
    [
        ({"callback_data": "x" * 65}, "BUTTON_DATA_INVALID"),
        ({"callback_data": "ж" * 33}, "BUTTON_DATA_INVALID"),
        ({}, "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"),
        ({"callback_data": ""}, "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"),
        ({"callback_data": "a", "url": "https://a.example"}, "can't parse inline keyboard button: Exactly one action is allowed, found url, callback_data"),
        ({"url": "not-a-url"}, "inline keyboard button URL 'not-a-url' is invalid: Wrong HTTP URL"),
        ({"url": "http://localhost:8080/"}, "inline keyboard button URL 'http://localhost:8080/' is invalid: Wrong HTTP URL"),
        ({"url": "ftp://a.example"}, "inline keyboard button URL 'ftp://a.example' is invalid: Unsupported URL protocol"),
        ({"copy_text": {"text": ""}}, "BUTTON_COPY_TEXT_INVALID"),
        ({"copy_text": {"text": "x" * 257}}, "BUTTON_COPY_TEXT_INVALID"),
        ({"web_app": {"url": "http://a.example"}}, "inline keyboard button Web App URL 'http://a.example' is invalid: Only HTTPS links are allowed"),
        ({"pay": True}, "BUTTON_TYPE_INVALID"),
        ({"callback_data": "a", "style": "gold"}, "can't parse inline keyboard button: Invalid button style specified"),
    ],
)  # fmt: skip
async def test_bad_buttons_are_refused(bot: Bot, button: dict[str, Any], reason: str):
    markup = keys([InlineKeyboardButton(text="B", **button)])
    assert await refusal(bot.send_message(ME, "x", reply_markup=markup)) == reason


async def test_keyboard_size(bot: Bot):
    full = keys(*[[key()] * 8] * 12, [key()] * 4)
    assert same((await bot.send_message(ME, "100", reply_markup=full)).reply_markup, full)
    for markup in (keys(*[[key()] * 8] * 12, [key()] * 5), keys([key()] * 9)):
        assert (
            await refusal(bot.send_message(ME, "x", reply_markup=markup))
            == "REPLY_MARKUP_TOO_LONG"
        )


# --- photos, documents, albums ----------------------------------------------------------------


async def test_photo_becomes_a_jpeg_for_the_phone_and_its_id_is_good_again(
    bot: Bot, sandbox: RunningSandbox
):
    first = await bot.send_photo(
        ME, png(1600, 2000), caption="<b>c</b>", parse_mode="HTML", has_spoiler=True
    )
    assert (first.photo[-1].width, first.photo[-1].height) == (1024, 1280)
    assert first.caption_entities[0].type == "bold"
    assert first.has_media_spoiler
    second = await bot.send_photo(ME, first.photo[-1].file_id)
    assert [p.file_id for p in second.photo] == [p.file_id for p in first.photo]
    file = await bot.get_file(second.photo[-1].file_id)
    content = (await bot.download_file(file.file_path)).read()
    assert Image.open(io.BytesIO(content)).format == "JPEG"
    assert content == await sandbox.person().download(file.file_id)


def bare_png(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("1", (width, height)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("photo", "reason"),
    [
        (BufferedInputFile(b"no picture", "x.png"), "IMAGE_PROCESS_FAILED"),
        (BufferedInputFile(png().data[:80], "cut.png"), "IMAGE_PROCESS_FAILED"),
        (BufferedInputFile(bare_png(6000, 4001), "x.png"), "PHOTO_INVALID_DIMENSIONS"),
        (BufferedInputFile(bare_png(2100, 100), "x.png"), "PHOTO_INVALID_DIMENSIONS"),
        (BufferedInputFile(bytes(10 * 1024 * 1024 + 1), "x.png"), "file of size 10485761 bytes is too big for a photo; the maximum size is 10485760 bytes"),
        ("https://a.example/x.png", "failed to get HTTP URL content"),
        ("AgACnosuchfile", "wrong remote file identifier specified: Wrong padding in the string"),
    ],
    ids=["text", "cut", "large", "narrow", "heavy", "url", "unknown"],
)  # fmt: skip
async def test_bad_photos_are_refused(bot: Bot, photo: Any, reason: str):
    assert await refusal(bot.send_photo(ME, photo)) == reason


async def test_documents_keep_name_and_bytes(bot: Bot):
    message = await bot.send_document(
        ME, BufferedInputFile(b"a;b\n1;2\n", "trades ü.csv"), caption="csv"
    )
    assert message.document.file_name == "trades ü.csv"
    assert message.document.file_size == 8
    file = await bot.get_file(message.document.file_id)
    assert (await bot.download_file(file.file_path)).read() == b"a;b\n1;2\n"
    again = await bot.send_document(ME, message.document.file_id)
    assert same(again.document, message.document)
    assert (
        await refusal(bot.send_photo(ME, message.document.file_id))
        == "can't use file of type Document as Photo"
    )
    assert (
        await refusal(bot.send_document(ME, BufferedInputFile(b"", "x")))
        == "file must be non-empty"
    )


async def test_file_limits(bot: Bot):
    heavy = BufferedInputFile(bytes(21 * 1024 * 1024), "heavy.bin")
    message = await bot.send_document(ME, heavy)
    assert await refusal(bot.get_file(message.document.file_id)) == "file is too big"
    assert (
        await refusal(bot.get_file("none"))
        == "wrong file_id or the file is temporarily unavailable"
    )
    with pytest.raises(TelegramEntityTooLarge):
        await bot.send_document(ME, BufferedInputFile(bytes(50 * 1024 * 1024 + 1), "x.bin"))


async def test_album(bot: Bot):
    items = [InputMediaPhoto(media=png(colour=c), caption=c) for c in ("red", "green", "blue")]
    album = await bot.send_media_group(ME, items)
    assert [message.caption for message in album] == ["red", "green", "blue"]
    assert len({message.media_group_id for message in album}) == 1
    again = [InputMediaPhoto(media=m.photo[-1].file_id) for m in album]
    assert len(await bot.send_media_group(ME, again)) == 3
    for count in (1, 11):
        assert "2-10" in await refusal(
            bot.send_media_group(ME, [InputMediaPhoto(media=png())] * count)
        )
    mixed = [InputMediaPhoto(media=png()), InputMediaDocument(media=png())]
    assert (
        await refusal(bot.send_media_group(ME, mixed))
        == "document can't be mixed with other media types"
    )


# --- edits, deletion, reactions -----------------------------------------------------------------


async def test_edit_text(bot: Bot):
    sent = await bot.send_message(ME, "one", reply_markup=keys([key()]))

    async def edit(text: str, **more: Any) -> Any:
        return await bot.edit_message_text(text, chat_id=ME, message_id=sent.message_id, **more)

    assert await refusal(edit("one", reply_markup=keys([key()]))) == NOT_MODIFIED
    edited = await edit("two")
    assert (edited.text, edited.reply_markup) == ("two", None)
    assert edited.edit_date
    assert await refusal(edit(" two ")) == NOT_MODIFIED
    again = await bot.edit_message_reply_markup(
        chat_id=ME, message_id=sent.message_id, reply_markup=keys([key()])
    )
    assert again.text == "two"
    assert same(again.reply_markup, keys([key()]))
    gone = await bot.edit_message_reply_markup(chat_id=ME, message_id=sent.message_id)
    assert gone.reply_markup is None


async def test_edits_that_do_not_fit(bot: Bot, sandbox: RunningSandbox):
    photo = (await bot.send_photo(ME, png(), caption="c")).message_id
    text = (await bot.send_message(ME, "t")).message_id
    theirs = (await sandbox.person().send("mine"))["message_id"]
    for call, reason in [
        (bot.edit_message_text("x", chat_id=ME, message_id=photo), "there is no text in the message to edit"),
        (bot.edit_message_caption(chat_id=ME, message_id=text, caption="x"), "there is no caption in the message to edit"),
        (bot.edit_message_text("x", chat_id=ME, message_id=9999), "message to edit not found"),
        (bot.edit_message_text("x", chat_id=ME, message_id=theirs), "message can't be edited"),
        (bot.edit_message_text("x", chat_id=ME), "message identifier is not specified"),
        (bot.edit_message_caption(chat_id=ME, message_id=photo, caption="c"), NOT_MODIFIED),
    ]:  # fmt: skip
        assert await refusal(call) == reason


async def test_edit_caption_and_media(bot: Bot):
    sent = await bot.send_photo(ME, png(), caption="one", reply_markup=keys([key()]))
    edited = await bot.edit_message_caption(chat_id=ME, message_id=sent.message_id, caption="two")
    assert (edited.caption, edited.reply_markup) == ("two", None)
    media = InputMediaPhoto(media=png(80, 80, "red"), caption="three")
    changed = await bot.edit_message_media(media, chat_id=ME, message_id=sent.message_id)
    assert (changed.caption, changed.photo[-1].width) == ("three", 80)
    assert changed.photo[-1].file_id != sent.photo[-1].file_id


async def test_delete_reply_copy(bot: Bot, sandbox: RunningSandbox):
    first = await bot.send_message(ME, "first")
    reply = await bot.send_message(
        ME, "re", reply_parameters=ReplyParameters(message_id=first.message_id)
    )
    assert reply.reply_to_message.text == "first"
    lost = ReplyParameters(message_id=9999)
    assert (
        await refusal(bot.send_message(ME, "x", reply_parameters=lost))
        == "message to be replied not found"
    )
    lenient = ReplyParameters(message_id=9999, allow_sending_without_reply=True)
    assert (await bot.send_message(ME, "x", reply_parameters=lenient)).reply_to_message is None
    copied = await bot.copy_message(ME, ME, first.message_id)
    assert text_of((await sandbox.person().messages())[-1]) == "first"
    assert await bot.delete_message(ME, copied.message_id)
    assert (
        await refusal(bot.delete_message(ME, copied.message_id)) == "message to delete not found"
    )
    assert await bot.delete_messages(ME, [first.message_id, 9999])
    assert first.message_id not in [m["message_id"] for m in await sandbox.person().messages()]


async def test_reactions_both_ways(bot: Bot, sandbox: RunningSandbox):
    trader = sandbox.person()
    asked = await trader.send("well?")
    await bot.set_message_reaction(ME, asked["message_id"], [ReactionTypeEmoji(emoji="👍")])
    await bot.get_updates(offset=-1, allowed_updates=["message", "message_reaction"])
    await trader.react(asked, "🔥")
    seen = (await trader.messages())[-1]["reactions"]
    assert {r["emoji"]: r["by"] for r in seen} == {"👍": ["bot"], "🔥": [str(ME)]}
    update = (await bot.get_updates(timeout=1))[-1].message_reaction
    assert [r.emoji for r in update.new_reaction] == ["🔥"]
    bad = bot.set_message_reaction(ME, asked["message_id"], [ReactionTypeEmoji(emoji="📈")])
    assert await refusal(bad) == "REACTION_INVALID"


# --- updates, presses ----------------------------------------------------------------------------


async def test_updates_stay_until_confirmed(bot: Bot, sandbox: RunningSandbox):
    trader = sandbox.person()
    for text in ("/one", "two", "three"):
        await trader.send(text)
    first = await bot.get_updates(limit=2)
    assert [u.message.text for u in first] == ["/one", "two"]
    assert [u.message.text for u in await bot.get_updates(limit=2)] == ["/one", "two"]
    rest = await bot.get_updates(offset=first[-1].update_id + 1)
    assert [u.message.text for u in rest] == ["three"]
    assert (await bot.get_webhook_info()).pending_update_count == 1
    assert [u.message.text for u in await bot.get_updates(offset=-1)] == ["three"]
    await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.get_updates() == []


async def test_long_poll_wakes_at_once(bot: Bot, sandbox: RunningSandbox):
    poll = asyncio.create_task(bot.get_updates(timeout=20))
    await asyncio.sleep(0.1)
    assert not poll.done()
    assert (await sandbox.person().state())["online"]
    await sandbox.person().send("now")
    assert (await asyncio.wait_for(poll, 1))[0].message.text == "now"


async def test_a_dispatcher_polls_and_answers(bot: Bot, sandbox: RunningSandbox):
    dispatcher = Dispatcher()

    @dispatcher.message(Command("echo"))
    async def echo(message: Message, command: CommandObject) -> None:
        await message.answer(command.args or "?", reply_markup=keys([key("Again")]))

    @dispatcher.callback_query()
    async def again(query: CallbackQuery) -> None:
        await query.answer("pressed")
        await query.message.edit_text("edited")

    polling = asyncio.create_task(dispatcher.start_polling(bot, handle_signals=False))
    trader = sandbox.person()
    await trader.send("/echo one two")
    answer = await trader.wait_for(lambda m: text_of(m) == "one two")
    assert (await trader.answer(await trader.press(answer, "Again")))["text"] == "pressed"
    await trader.wait_for(lambda m: text_of(m) == "edited")
    await dispatcher.stop_polling()
    await polling


async def test_two_pollers_fight(bot: Bot, sandbox: RunningSandbox):
    first = asyncio.create_task(bot.get_updates(timeout=20))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(sandbox.bot().get_updates(timeout=20))
    with pytest.raises(TelegramConflictError, match="terminated by other getUpdates request"):
        await asyncio.wait_for(first, 1)
    await sandbox.person().send("hello")
    assert (await asyncio.wait_for(second, 1))[0].message.text == "hello"


async def test_a_poller_that_left_takes_nothing_with_it(bot: Bot, sandbox: RunningSandbox):
    gone = asyncio.create_task(bot.get_updates(timeout=20))
    await asyncio.sleep(0.1)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    await sandbox.person().send("kept")
    assert [u.message.text for u in await sandbox.bot().get_updates(timeout=1)] == ["kept"]


async def test_only_wanted_kinds_are_kept(bot: Bot, sandbox: RunningSandbox):
    await bot.get_updates(allowed_updates=["callback_query"])
    await sandbox.person().send("unheard")
    assert await bot.get_updates(allowed_updates=["message"]) == []


async def test_press_and_answer_once(bot: Bot, sandbox: RunningSandbox):
    trader = sandbox.person()
    await bot.send_message(
        ME, "sure?", reply_markup=keys([key("Yes", callback_data="y:1"), key("No")])
    )
    asked = await trader.wait_for(buttons_of)
    query_id = await trader.press(asked, "Yes")
    query = (await bot.get_updates())[-1].callback_query
    assert (query.id, query.data, query.from_user.id) == (query_id, "y:1", ME)
    assert query.message.text == "sure?"
    assert await bot.answer_callback_query(query.id, "done", show_alert=True)
    assert await trader.answer(query_id) == {"text": "done", "show_alert": True, "url": ""}
    assert await refusal(bot.answer_callback_query(query.id)) == TOO_OLD
    assert await refusal(bot.answer_callback_query("123")) == TOO_OLD
    forged = await trader.press_forged(asked, "launch:everything")
    assert (await bot.get_updates(offset=-1))[0].callback_query.data == "launch:everything"
    assert await refusal(bot.answer_callback_query(forged, "x" * 201)) == "MESSAGE_TOO_LONG"


async def test_presses_grow_old(tmp_path: Path):
    now = [1_780_000_000.0]
    async with running_sandbox(tmp_path, clock=lambda: now[0]) as old:
        bot, trader = old.bot(), old.person()
        await bot.send_message(ME, "x", reply_markup=keys([key()]))
        query_id = await trader.press(await trader.wait_for(buttons_of), "Go")
        now[0] += 61
        assert await refusal(bot.answer_callback_query(query_id)) == TOO_OLD


# --- people ---------------------------------------------------------------------------------------


async def test_strangers_and_blocks(bot: Bot, sandbox: RunningSandbox):
    stranger = await sandbox.add_person("Stranger", "de")
    with pytest.raises(
        TelegramForbiddenError, match="bot can't initiate conversation with a user"
    ):
        await bot.send_message(stranger.user_id, "hello")
    await stranger.send("/start")
    update = (await bot.get_updates())[-1].message
    assert (update.from_user.id, update.from_user.language_code) == (stranger.user_id, "de")
    await bot.send_message(stranger.user_id, "welcome")
    await stranger.block()
    assert (await bot.get_updates(offset=-1))[0].my_chat_member.new_chat_member.status == "kicked"
    for call in (
        bot.send_message(stranger.user_id, "x"),
        bot.send_chat_action(stranger.user_id, "typing"),
    ):
        with pytest.raises(TelegramForbiddenError, match="bot was blocked by the user"):
            await call
    await stranger.block(blocked=False)
    assert await bot.send_message(stranger.user_id, "again")
    assert [text_of(m) for m in await stranger.messages()] == ["/start", "welcome", "again"]
    assert await sandbox.person().messages() == []


async def test_group_with_two_people(bot: Bot, sandbox: RunningSandbox):
    trader, other = sandbox.person(), await sandbox.add_person("Ann")
    group = await sandbox.add_group("Desk", trader, other)
    await bot.send_message(group, "sure?", reply_markup=keys([key("Yes")]))
    ann = sandbox.person(other.user_id, group)
    await ann.press(await ann.wait_for(buttons_of), "Yes")
    query = (await bot.get_updates())[-1].callback_query
    assert (query.from_user.id, query.message.chat.id) == (other.user_id, group)
    assert (await bot.get_chat(group)).type == "supergroup"
    assert (await bot.get_chat_member(group, ME)).status == "member"


# --- the bot itself ---------------------------------------------------------------------------------


async def test_commands_by_scope_and_language(bot: Bot, sandbox: RunningSandbox):
    english = [BotCommand(command="backtest", description="Test a setup")]
    german = [BotCommand(command="backtest", description="Setup testen")]
    own = [BotCommand(command="admin", description="All of it")]
    await bot.set_my_commands(english)
    await bot.set_my_commands(german, language_code="de")
    assert [c.description for c in await bot.get_my_commands()] == ["Test a setup"]
    assert (await sandbox.person().state())["commands"][0]["description"] == "Test a setup"
    hans = await sandbox.add_person("Hans", "de")
    assert (await hans.state())["commands"][0]["description"] == "Setup testen"
    await bot.set_my_commands(own, scope=BotCommandScopeChat(chat_id=ME))
    assert (await sandbox.person().state())["commands"][0]["command"] == "admin"
    await bot.delete_my_commands(scope=BotCommandScopeChat(chat_id=ME))
    assert await bot.get_my_commands(scope=BotCommandScopeChat(chat_id=ME)) == []
    assert await bot.get_my_commands(scope=BotCommandScopeAllPrivateChats()) == []


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("Back", "x", "BOT_COMMAND_INVALID"),
        ("a" * 33, "x", "BOT_COMMAND_INVALID"),
        ("run-it", "x", "BOT_COMMAND_INVALID"),
        ("run", "x" * 257, "BOT_COMMAND_DESCRIPTION_INVALID"),
        ("run", " ", "BOT_COMMAND_DESCRIPTION_INVALID"),
    ],
)
async def test_bad_commands_are_refused(bot: Bot, name: str, text: str, reason: str):
    assert (
        await refusal(bot.set_my_commands([BotCommand(command=name, description=text)])) == reason
    )


async def test_too_many_commands(bot: Bot):
    many = [BotCommand(command=f"c{n}", description="x") for n in range(101)]
    assert await refusal(bot.set_my_commands(many)) == "BOT_COMMANDS_TOO_MUCH"


async def test_what_else_a_bot_asks(bot: Bot):
    assert (await bot.get_me()).id == bot.id
    assert await bot.set_my_description("Finds setups")
    assert (await bot.get_my_description()).description == "Finds setups"
    assert await bot.set_my_short_description("short")
    assert (await bot.get_my_short_description()).short_description == "short"
    assert (await bot.get_my_name()).name == "Setup Scout"
    assert await bot.send_chat_action(ME, "upload_photo")
    assert (
        await refusal(bot.send_chat_action(ME, "dancing")) == "wrong parameter action in request"
    )
    assert (await bot.get_chat(ME)).first_name == "Trader"
    assert (await bot.get_chat_member(ME, ME)).status == "member"
    assert await bot.log_out()
    assert await bot.close()


async def test_wrong_token_and_unknown_method(bot: Bot, sandbox: RunningSandbox):
    with pytest.raises(TelegramUnauthorizedError, match="Unauthorized"):
        await sandbox.bot("42:wrong").get_me()
    with pytest.raises(TelegramNotFound, match="Not Found"):
        await bot(SendDice(chat_id=ME))


async def test_json_query_and_odd_case(sandbox: RunningSandbox):
    url = f"{sandbox.url}/bot{sandbox.token}/SENDMESSAGE"
    body = {
        "chat_id": ME,
        "text": "x",
        "entities": [{"type": "bold", "offset": 0, "length": 1}],
        "new_thing": 1,
    }
    async with sandbox.session.post(url, json=body) as response:
        assert (await response.json())["result"]["entities"][0]["type"] == "bold"
    async with sandbox.session.get(url, params={"chat_id": str(ME), "text": "get"}) as response:
        assert (await response.json())["result"]["text"] == "get"
    async with sandbox.session.post(
        url, data=b"{", headers={"Content-Type": "application/json"}
    ) as response:
        assert response.status == 400


# --- faults, limits, guard, restart --------------------------------------------------------------------


async def test_faults_strike_as_often_as_planned(bot: Bot, sandbox: RunningSandbox):
    for kind, error in [
        ("too_many", TelegramRetryAfter),
        ("bad_gateway", ClientDecodeError),
        ("server_error", TelegramServerError),
        ("blocked", TelegramForbiddenError),
        ("drop_before", TelegramNetworkError),
    ]:
        await sandbox.fault(kind, "sendMessage", times=2, seconds=7)
        for _ in range(2):
            with pytest.raises(error) as caught:
                await bot.send_message(ME, "lost")
            assert kind != "too_many" or caught.value.retry_after == 7
        await bot.send_message(ME, kind)
    assert [text_of(m) for m in await sandbox.person().messages()] == [
        "too_many", "bad_gateway", "server_error", "blocked", "drop_before",
    ]  # fmt: skip


async def test_a_drop_after_acceptance_delivers(bot: Bot, sandbox: RunningSandbox):
    await sandbox.fault("drop_after", "sendMessage")
    with pytest.raises(TelegramNetworkError):
        await bot.send_message(ME, "there")
    assert text_of((await sandbox.person().messages())[-1]) == "there"


async def test_delay_chat_and_clear(bot: Bot, sandbox: RunningSandbox):
    await sandbox.fault("delay", "getMe", seconds=0.2)
    started = asyncio.get_running_loop().time()
    await bot.get_me()
    assert asyncio.get_running_loop().time() - started >= 0.2
    await sandbox.fault("server_error", chat_id=5)
    await bot.send_message(ME, "other chat")
    assert len(await sandbox.faults_left()) == 1
    await sandbox.clear_faults()
    assert await sandbox.faults_left() == []


async def test_faults_are_closed_without_the_flag(tmp_path: Path):
    async with running_sandbox(tmp_path, faults=False) as closed:
        url = f"{closed.url}/sandbox/faults"
        async with closed.session.post(url, json={"kind": "delay"}) as response:
            assert response.status == 404


async def test_rate_limits(tmp_path: Path):
    now = [1_780_000_000.0]
    async with running_sandbox(tmp_path, rate_limits=True, clock=lambda: now[0]) as strict:
        bot = strict.bot()
        for _ in range(3):
            await bot.send_message(ME, "burst")
        with pytest.raises(TelegramRetryAfter) as caught:
            await bot.send_message(ME, "one too many")
        now[0] += caught.value.retry_after
        assert await bot.send_message(ME, "fine")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/sandbox/send", {"Origin": "https://evil.example"}, 403),
        ("/sandbox/send", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("/sandbox/send", {"Host": "evil.example"}, 403),
        ("/sandbox/send", {}, 200),
        (f"/bot{TOKEN}/getMe", {"Origin": "https://evil.example"}, 403),
        (f"/bot{TOKEN}/getMe", {"Sec-Fetch-Site": "same-site"}, 403),
        (f"/bot{TOKEN}/getMe", {}, 200),
    ],
)
async def test_only_this_machine_and_this_page(
    sandbox: RunningSandbox, path: str, headers: dict[str, str], status: int
):
    body = {"user_id": ME, "text": "x"}
    async with sandbox.session.post(
        f"{sandbox.url}{path}", json=body, headers=headers
    ) as response:
        assert response.status == status


async def test_uploads_never_run_in_the_browser(bot: Bot, sandbox: RunningSandbox):
    sent = await bot.send_document(ME, BufferedInputFile(b"<script>1</script>", "x.html"))
    async with sandbox.session.get(
        f"{sandbox.url}/sandbox/file/{sent.document.file_id}"
    ) as response:
        assert response.headers["Content-Type"] == "application/octet-stream"
        assert response.headers["Content-Disposition"].startswith("attachment")
    for path in (
        "/assets/..%2f__main__.py",
        "/assets/server.py",
        "/file/bot42:x/photos/file_1.jpg",
    ):
        async with sandbox.session.get(sandbox.url + path) as response:
            assert response.status in {401, 404}


async def test_events_can_be_resumed(bot: Bot, sandbox: RunningSandbox):
    before = (await sandbox.person().state())["number"]
    await bot.send_message(ME, "one")
    await bot.send_message(ME, "two")
    url = f"{sandbox.url}/sandbox/events"
    seen: list[str] = []
    async with sandbox.session.get(url, params={"after": str(before)}) as response:
        async for line in response.content:
            if line.startswith(b"data: "):
                event = json.loads(line[6:])
                seen += [event["message"]["text"]] if event["type"] == "message" else []
            if len(seen) == 2:
                break
    assert seen == ["one", "two"]


async def test_everything_survives_a_restart(tmp_path: Path):
    async with sandbox_process(tmp_path) as before:
        bot = before.bot()
        sent = await bot.send_photo(ME, png(), caption="kept", reply_markup=keys([key()]))
        await bot.set_my_commands([BotCommand(command="run", description="Run")])
        stranger = await before.add_person("Ann")
        await stranger.send("undelivered")
        port = int(before.url.rpartition(":")[2])
    async with sandbox_process(tmp_path, port=port) as after:
        assert after.url == before.url
        bot, trader = after.bot(), after.person()
        kept = await trader.wait_for(lambda m: text_of(m) == "kept")
        assert kept["message_id"] == sent.message_id
        assert [u.message.text for u in await bot.get_updates()] == ["undelivered"]
        assert (await bot.get_my_commands())[0].command == "run"
        again = await bot.send_photo(ME, sent.photo[-1].file_id)
        assert again.message_id > sent.message_id + 1
        await trader.press(kept, "Go")
        assert (await bot.get_updates(offset=-1))[0].callback_query.data == "go"


async def test_a_dead_address_is_a_network_error(tmp_path: Path):
    async with running_sandbox(tmp_path) as gone:
        bot = gone.bot()
    with pytest.raises(TelegramNetworkError):
        await bot.send_message(ME, "x")
    await bot.session.close()
