"""What the bot says about the journal."""

from typing import Final

TITLE: Final = "Journal"
OPEN: Final = "Open it in Notion"
PAGE: Final = "Journal page"
NO_PAGE: Final = "There is no page of it in the journal."
RETRY_HOW: Final = "After it is put right: /journal retry"


def revived(pages: int) -> str:
    """Say how many pages are tried again."""
    if not pages:
        return "No page was given up: nothing to try again."
    return f"{pages} {'page is' if pages == 1 else 'pages are'} owed again and written soon."


def ticked(taken: str, note: str) -> str:
    """Say what a person ticked in the journal."""
    return "In the journal: " + " · ".join(word for word in (taken, note) if word)
