"""The bridge to a MetaTrader on another machine, or in Wine: a server beside it, a client here.

`python -m storage.mt5_bridge` needs this package, `storage/mt5_terminal.py`,
`storage/mt5_native.py` and the libraries rpyc, numpy and MetaTrader5, nothing else.
"""

LEAST_TOKEN = 24
"""Characters that the token must have."""
