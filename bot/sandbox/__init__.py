"""A loopback Telegram Bot API with a chat page in the browser, for use without a token."""
