"""Brokers: where an approved signal becomes an order."""
