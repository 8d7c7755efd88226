"""Backups: packing, checking and unpacking them, and copying databases in and out."""
