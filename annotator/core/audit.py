"""Write the audit log."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models

from annotator.core.models import AuditEntry


def record(
    *,
    actor: AbstractBaseUser | AnonymousUser | None,
    action: str,
    target: models.Model,
    data: dict[str, Any] | None = None,
) -> AuditEntry:
    """Write one entry, in the transaction of the caller.

    Parameters
    ----------
    actor : User or None
        None for what the system does by itself.
    action : str
        A verb with its app, such as ``reading.submit``.
    target : Model
    data : dict, optional
        JSON-serialisable; no patient identifiers.
    """
    return AuditEntry.objects.create(
        actor_id=actor.pk if actor is not None else None,
        action=action,
        target_type=target._meta.label_lower,
        target_id=str(target.pk),
        data=data or {},
    )
