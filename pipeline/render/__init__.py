"""Pictures: bars and results in, PNG bytes out."""
