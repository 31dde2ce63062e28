"""Change a status: lock, check the table of the model, save, audit."""

from __future__ import annotations

from typing import TypeVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models, transaction

from annotator.core import audit
from annotator.core.errors import IllegalTransition

Row = TypeVar("Row", bound=models.Model)


@transaction.atomic
def transition(
    instance: Row, to: str, *, actor: AbstractBaseUser | AnonymousUser | None = None, reason: str = ""
) -> Row:
    """Move a row to another status.

    Parameters
    ----------
    instance : Model
        Has a `status` and, on its class, ``TRANSITIONS: dict[str, set[str]]``.
    to : str
        The new status.
    actor : User, optional
    reason : str, optional
        Goes to the audit log.

    Returns
    -------
    Model
        The locked and saved row; the given instance's status is brought up to date too.

    Raises
    ------
    IllegalTransition
        With code ``illegal_transition`` when the table does not allow it.
    """
    model = type(instance)
    locked = model._default_manager.select_for_update(of=("self",)).get(pk=instance.pk)
    before = str(locked.status)  # type: ignore[attr-defined]
    allowed = model.TRANSITIONS.get(before, set())  # type: ignore[attr-defined]
    if to not in allowed:
        noun = str(model._meta.verbose_name)
        article = "An" if noun[0] in "aeiou" else "A"
        raise IllegalTransition(
            f"{article} {noun} that is {before.lower()} cannot become {str(to).lower()}.",
            code="illegal_transition",
            details={"status": before, "to": str(to)},
        )
    locked.status = to  # type: ignore[attr-defined]
    locked.save(update_fields=["status", "updated_at"])
    instance.status = to  # type: ignore[attr-defined]
    action = f"{model._meta.model_name}.{str(to).lower()}"
    audit.record(actor=actor, action=action, target=locked, data={"from": before, "reason": reason})
    return locked
