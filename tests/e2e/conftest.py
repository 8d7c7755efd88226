"""Fixtures of the chat tests."""

from tests.kit.chat import running, sample_home

__all__ = ["running", "sample_home"]
