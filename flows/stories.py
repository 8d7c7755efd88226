"""Every kind of run there is, by its flow type."""

from flows.analyze import ANALYZE
from flows.backtest import BACKTEST
from flows.backup import BACKUP
from flows.batch import BATCH
from flows.data_collection import COLLECTION
from flows.data_quality import QUALITY
from flows.fetch import FETCH
from flows.ingesting import INGEST
from flows.instruments import INSTRUMENTS
from flows.label import LABEL
from flows.model_retraining import RETRAINING
from flows.parity import PARITY
from flows.profile import PROFILE
from flows.replay import REPLAY
from flows.story import Story
from flows.sweep import SWEEP
from flows.train_model import TRAIN
from flows.upkeep import UPKEEP
from flows.verify import VERIFY
from flows.walkforward import WALKFORWARD
from pipeline.domain.request import Run

STORIES: dict[str, Story] = {
    story.flow_type: story
    for story in (
        BACKTEST,
        SWEEP,
        WALKFORWARD,
        BATCH,
        VERIFY,
        PROFILE,
        REPLAY,
        PARITY,
        LABEL,
        BACKUP,
        COLLECTION,
        FETCH,
        INGEST,
        QUALITY,
        INSTRUMENTS,
        UPKEEP,
        ANALYZE,
        TRAIN,
        RETRAINING,  # after TRAIN, whose command it shares: START tells them apart by the market
    )
}


def story_of(run: Run) -> Story:
    """Return the kind of a run."""
    return STORIES[run.flow_type]


def story_for(request: object) -> Story:
    """Return the kind of run that a request model asks for."""
    return next(story for story in STORIES.values() if isinstance(request, story.request))


def story_named(command: str) -> Story | None:
    """Return the kind of run behind a command's word, or None."""
    return next((story for story in STORIES.values() if story.command == command), None)


def run_title(run: Run) -> str:
    """Return a run's title from its request."""
    story = story_of(run)
    return story.title(story.request.model_validate(run.request))
