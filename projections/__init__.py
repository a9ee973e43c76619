"""Log to read models: one SQL fold a read model, posted by one small runner."""

from projections.projector import project
from projections.replay import replay, roll_back
from projections.verify import verify_read_models

__all__ = ["project", "replay", "roll_back", "verify_read_models"]
