"""Training runs, model versions, what they score, and which one a campaign uses."""

from .evaluation import Evaluation
from .model_version import ModelStatus, ModelVersion
from .promotion import Promotion, PromotionReason
from .training_run import LIVE, RunStatus, TrainingRun, Trigger

__all__ = [
    "LIVE",
    "Evaluation",
    "ModelStatus",
    "ModelVersion",
    "Promotion",
    "PromotionReason",
    "RunStatus",
    "TrainingRun",
    "Trigger",
]
