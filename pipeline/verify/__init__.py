"""Proofs that a backtest says what a setup would have said live; each check holds or fails."""
