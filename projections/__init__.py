"""Log to read models: one SQL fold a read model, posted by one small runner."""

from projections.projector import project

__all__ = ["project"]
