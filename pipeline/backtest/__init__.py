"""What became of the signals: fills, trades, figures."""
