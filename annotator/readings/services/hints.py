"""Hints to the sockets: what changed, never the truth itself."""

from __future__ import annotations

from typing import Any

from annotator.core import realtime
from annotator.readings.models import Reading


def reading_group(reading_id: object) -> str:
    """Return the channel group of a reading's sockets."""
    return f"reading.{reading_id}"


def campaign_group(slug: str) -> str:
    """Return the channel group of a campaign's sockets."""
    return f"campaign.{slug}"


def send_reading_hint(reading: Reading, message: dict[str, Any]) -> None:
    """Send a JSON message to every socket of a reading, after commit."""
    realtime.broadcast(reading_group(reading.pk), json=message)


def send_mask_hint(reading: Reading, data: bytes) -> None:
    """Send a stamped binary mask message to every socket of a reading, after commit."""
    realtime.broadcast(reading_group(reading.pk), binary=data)


def send_revision_hint(reading: Reading) -> None:
    """Tell every socket of a reading which revision it has reached."""
    send_reading_hint(reading, {"type": "revision", "revision": reading.revision})


def send_access_hint(reading: Reading) -> None:
    """Have every socket of a reading look again at who may still see and change it."""
    send_reading_hint(reading, {"type": "access"})


def send_status_hint(reading: Reading) -> None:
    """Tell a campaign's sockets that a reading has been opened, submitted or reopened.

    Notes
    -----
    Readers are blinded to each other, so the hint carries neither the reader nor a mask.
    """
    realtime.broadcast(campaign_group(reading.campaign.slug), json={"type": "reading", "cine": str(reading.cine_id)})
