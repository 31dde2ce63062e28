"""What can be done with training runs and models."""

from .config import clean_config
from .policy import evaluate_training_policy
from .promote import promote_model, rollback_promotion
from .register import register_bundled_model
from .runs import cancel_training_run, start_training_run
from .updates import record_training_update
from .watch import recover_training_runs, watch_training_runs

__all__ = [
    "cancel_training_run",
    "clean_config",
    "evaluate_training_policy",
    "promote_model",
    "record_training_update",
    "recover_training_runs",
    "register_bundled_model",
    "rollback_promotion",
    "start_training_run",
    "watch_training_runs",
]
