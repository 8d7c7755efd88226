"""Reads what a person typed after /backup: nothing, as there is nothing to choose."""

from datetime import date

from pipeline.command_words import KnownWords
from pipeline.commands import words_in
from pipeline.domain.backup import BackupRequest
from pipeline.domain.errors import BadRequestError


def parse_backup(text: str, known: KnownWords, today: date) -> BackupRequest:
    """Return the backup that `text` asks for.

    Raises
    ------
    BadRequestError
        Something is said after the word: where a backup goes is no matter of the chat.
    """
    del known, today
    words = words_in(text)
    if words:
        raise BadRequestError(
            f"/backup takes no words, and there is {words[0]!r}.",
            field="words", value=words[0], corrected="/backup",
        )  # fmt: skip
    return BackupRequest()
