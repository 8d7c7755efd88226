"""Why a setup gave a signal or none: the engine's own walk, watched case by case.

`days.explain_day` and `period.explain_period` on a `relaxing.Ground`; `model` is what they say.
"""
