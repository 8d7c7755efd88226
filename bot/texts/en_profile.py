"""What the bot says about rule profiles."""

from typing import Final

TITLE: Final = "Rule profile"
WORTH: Final = "Worth trying"
BEST: Final = "Best of all tries: the luckiest are among them"
BUTTON_TRY: Final = "Try as new version"
TRYING: Final = "Making a draft and testing it"
STAYS: Final = "It is a draft: nothing runs it live unless you make it active yourself."
