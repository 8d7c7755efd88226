"""Own the two measures of a text: UTF-16 code units for offsets, UTF-8 bytes for parse errors."""

_LAST_OF_ONE_UNIT = 0xFFFF
SURROGATES = range(0xD800, 0xE000)


def units(text: str) -> int:
    """Count UTF-16 code units, Telegram's measure of length."""
    return len(text) + sum(1 for sign in text if ord(sign) > _LAST_OF_ONE_UNIT)


def byte_offset(text: str, at: int) -> int:
    """Give the place of a character in bytes, as parse errors name it."""
    return len(text[:at].encode("utf-8", "surrogatepass"))
