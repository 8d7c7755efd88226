"""Delivery under fire: processes killed and Telegram at its worst while signals come."""
