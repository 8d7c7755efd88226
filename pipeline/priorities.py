"""Which queued run goes first: live before tests before training, people before schedules."""

from pipeline.domain.request import Channel

LIVE, ASKED, SCHEDULED, TRAINING, SCHEDULED_TRAINING = PRIORITIES = range(1, 6)
_LIVE = frozenset({"live_scan_flow"})
_TRAINING = frozenset({"train_model_flow", "model_retraining"})


def priority_of(flow_type: str, channel: Channel) -> int:
    """Return a run's priority, 1 going first; among equals the older one goes first."""
    if flow_type in _LIVE:
        return LIVE
    scheduled = channel is Channel.SCHEDULE
    if flow_type in _TRAINING:
        return SCHEDULED_TRAINING if scheduled else TRAINING
    return SCHEDULED if scheduled else ASKED
