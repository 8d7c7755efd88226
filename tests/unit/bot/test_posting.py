"""Whatever Telegram refuses of a message, its words arrive; edits find the form it stands in."""

import pytest
from aiogram.exceptions import TelegramBadRequest, TelegramEntityTooLarge
from aiogram.methods import SendPhoto
from aiogram.types import MessageEntity

from bot.layout import View
from bot.posting import Content, post, renew

METHOD = SendPhoto(chat_id=1, photo="x")
ENTITIES = [MessageEntity(type="bold", offset=0, length=4)]
CONTENT = Content(View("under", ENTITIES), View("text", ENTITIES), b"png", "chart.png")


def bad(words: str) -> TelegramBadRequest:
    return TelegramBadRequest(METHOD, f"Bad Request: {words}")


PICTURE = bad("IMAGE_PROCESS_FAILED")
RIGHTS = bad("not enough rights to send photos to the chat")
PARSE = bad("can't parse entities")
GONE = bad("chat not found")
LARGE = TelegramEntityTooLarge(METHOD, "Request Entity Too Large")


class Refusing:
    """A bot that notes its calls and fails them as the script says."""

    def __init__(self, *script):
        self.script, self.calls = list(script), []

    def _called(self, way, words, entities):
        failure = self.script.pop(0) if self.script else None
        self.calls.append((way, words, bool(entities)))
        if failure is not None:
            raise failure
        return way

    async def send_photo(self, chat_id, file, *, caption, caption_entities, **more):
        return self._called("photo", caption, caption_entities)

    async def send_document(self, chat_id, file, *, caption, caption_entities, **more):
        return self._called("document", caption, caption_entities)

    async def send_message(self, chat_id, *, text, entities, **more):
        return self._called("text", text, entities)

    async def edit_message_caption(self, *, caption, reply_markup, **more):
        return self._called("caption", caption, True)

    async def edit_message_text(self, *, text, reply_markup, **more):
        return self._called("text", text, True)


@pytest.mark.parametrize(
    ("script", "sent"),
    [
        ([], ("photo", "under", True)),
        ([PICTURE], ("document", "under", True)),
        ([LARGE], ("document", "under", True)),
        ([RIGHTS, RIGHTS], ("text", "text", True)),
        ([PARSE], ("photo", "under", False)),
        ([PICTURE, PARSE], ("document", "under", False)),
        ([PARSE, RIGHTS, RIGHTS], ("text", "text", False)),
    ],
)
async def test_the_words_arrive(script, sent):
    bot = Refusing(*script)
    await post(bot, 1, CONTENT)
    assert bot.calls[-1] == sent
    assert len(bot.calls) == len(script) + 1


async def test_what_no_form_helps_is_raised():
    bot = Refusing(GONE, GONE, GONE)
    with pytest.raises(TelegramBadRequest, match="chat not found"):
        await post(bot, 1, CONTENT)
    assert [way for way, *_ in bot.calls] == ["photo", "document", "text"]


@pytest.mark.parametrize(
    ("script", "calls", "there"),
    [
        ([], ["caption"], True),
        ([bad("message is not modified: the same")], ["caption"], True),
        ([bad("there is no caption in the message to edit")], ["caption", "text"], True),
        ([bad("message to edit not found")], ["caption"], False),
        ([bad("message can't be edited")], ["caption"], False),
    ],
)
async def test_an_edit_finds_the_message(script, calls, there):
    bot = Refusing(*script)
    assert await renew(bot, 1, 2, CONTENT) is there
    assert [way for way, *_ in bot.calls] == calls


async def test_a_message_without_a_picture_is_edited_as_text_first():
    bot = Refusing(bad("there is no text in the message to edit"))
    assert await renew(bot, 1, 2, Content(View("under"), View("text")))
    assert [way for way, *_ in bot.calls] == ["text", "caption"]


async def test_another_refusal_of_an_edit_is_raised():
    with pytest.raises(TelegramBadRequest, match="parse"):
        await renew(Refusing(PARSE), 1, 2, CONTENT)
