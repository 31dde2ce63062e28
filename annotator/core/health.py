"""Is this process alive, and can the whole system serve a reader?"""

from __future__ import annotations

import logging
from collections.abc import Callable

from celery import current_app
from django.db import DatabaseError, connection

logger = logging.getLogger(__name__)

OK = "ok"
Check = Callable[[], str]
_checks: dict[str, Check] = {}


def register_check(name: str, check: Check) -> None:
    """Add a check of readiness; it returns "ok" or a sentence that says what is missing."""
    _checks[name] = check


def run_checks() -> dict[str, str]:
    """Return the outcome of every check by name; a check that fails, as all do without a database, says so."""
    return {name: _run(check) for name, check in sorted(_checks.items())}


def _run(check: Check) -> str:
    try:
        return check()
    except Exception:
        logger.warning("a check of readiness failed", exc_info=True)
        return "This could not be checked."


def check_database() -> str:
    """Ask the database for one row."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "The database does not answer."
    return OK


def check_broker() -> str:
    """Open a connection to the message broker."""
    try:
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, timeout=2)
    except Exception:
        return "The message broker does not answer."
    return OK
