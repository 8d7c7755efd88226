"""The catalogue of tools: what each detector says, in words, and hand-made bars that show it."""
