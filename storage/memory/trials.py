"""MemoryTrialLedger: the tried variants of each idea in memory."""

from collections.abc import Sequence

from pipeline.domain.trial import Trial


class MemoryTrialLedger:
    """Trials by idea and variant; see `storage.ports.TrialLedger`."""

    def __init__(self) -> None:
        self._ideas: dict[tuple[str, str, bool], dict[str, Trial]] = {}

    async def append_many(self, trials: Sequence[Trial]) -> int:
        """Keep those whose variant is new to the idea; return how many that were."""
        fresh = 0
        for trial in trials:
            idea = self._ideas.setdefault((trial.setup_id, trial.symbol, trial.synthetic), {})
            fresh += trial.variant not in idea
            idea.setdefault(trial.variant, trial)
        return fresh

    async def of_idea(self, setup_id: str, symbol: str, *, synthetic: bool = False) -> list[Trial]:
        """Return the idea's trials in order of first writing."""
        return list(self._ideas.get((setup_id, symbol, synthetic), {}).values())
