"""What a check of the trail's hash chain found."""

from pydantic import BaseModel, ConfigDict, Field


class ChainVerdict(BaseModel):
    """How far the trail is what was written; `fault` is empty where all of it is."""

    model_config = ConfigDict(frozen=True)

    events: int = Field(description="events that are as they were written")
    last: int = Field(description="number of the last of them")
    head: str = Field(description="its hash; note it elsewhere, it stands for all before it")
    fault: str = ""

    @property
    def whole(self) -> bool:
        """Whether nothing was changed, removed or put in between."""
        return not self.fault
