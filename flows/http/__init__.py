"""START over HTTP: runs asked for, followed and stopped by programs, and TradingView's alerts."""
