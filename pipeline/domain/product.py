"""What this product is called, and which version of it this is."""

PRODUCT = "setup-scout"
VERSION = "0.1.0"
"""The version of `pyproject.toml`; a test holds the two together."""
