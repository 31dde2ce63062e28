"""Campaigns with accepted readings, small and direct, for the tests of datasets and registry."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.accounts.models import User
from annotator.accounts.services import create_user
from annotator.campaigns.models import Campaign, Membership
from annotator.campaigns.services import LabelSpec, add_cine, add_member, create_campaign, ensure_schema
from annotator.core import blobs
from annotator.imaging.models import Cine, Patient, Series, Study
from annotator.readings.models import Reading
from annotator.readings.services import import_accepted_reading

LABELS = (LabelSpec("vessel", "Vessel", "#ff0000"), LabelSpec("catheter", "Catheter", "#00ff00"))


def make_user(username: str, *, is_staff: bool = False) -> User:
    """Return the user of this name, made at first use."""
    return create_user(username=username, password="a long password", is_staff=is_staff)


def make_campaign(slug: str = "study", **settings: Any) -> Campaign:
    """Return a campaign with a manager and a reader, named after it."""
    schema = ensure_schema(name="Vessels", labels=LABELS)
    settings.setdefault("split_seed", "1")
    settings.setdefault("train_after", 100)
    campaign = create_campaign(slug=slug, name=slug.title(), schema=schema, modality="XA", **settings)
    manager, reader = make_user(f"{slug}-manager"), make_user(f"{slug}-reader")
    add_member(campaign=campaign, user=manager, role=Membership.Role.MANAGER)
    add_member(campaign=campaign, user=reader, role=Membership.Role.READER)
    return campaign


def manager_of(campaign: Campaign) -> User:
    """Return the manager of a made campaign."""
    return User.objects.get(username=f"{campaign.slug}-manager")


def reader_of(campaign: Campaign) -> User:
    """Return the reader of a made campaign."""
    return User.objects.get(username=f"{campaign.slug}-reader")


def make_cine(campaign: Campaign, *, patient: str = "P-1", seed: int = 0, frames: int = 4, size: int = 16) -> Cine:
    """Return a cine of random pixels in a campaign."""
    owner, _ = Patient.objects.get_or_create(key=patient)
    study = Study.objects.create(patient=owner, uid=f"2.25.{uuid.uuid4().int}")
    series = Series.objects.create(study=study, uid=f"2.25.{uuid.uuid4().int}", modality="XA")
    pixels = np.random.default_rng([seed, frames, size]).integers(0, 255, (frames, size, size), dtype=np.uint8)
    cine = Cine.objects.create(
        series=series,
        patient=owner,
        title=f"Cine {patient} {seed}",
        modality="XA",
        frame_count=frames,
        rows=size,
        columns=size,
        bits_stored=8,
        bits_allocated=8,
        pixels_digest=blobs.put_array(pixels),
        window_low=0,
        window_high=255,
        frame_times_ms=[index * 40.0 for index in range(frames)],
        frame_time_source="FrameTime",
    )
    add_cine(campaign=campaign, cine=cine)
    return cine


def a_mask(seed: int = 0, size: int = 16) -> NDArray[np.bool_]:
    """Return a small square somewhere, shape (size, size)."""
    mask = np.zeros((size, size), bool)
    row, column = np.random.default_rng(seed).integers(0, size - 5, 2)
    mask[row : row + 5, column : column + 5] = True
    return mask


def accept(campaign: Campaign, cine: Cine, *, frames: tuple[int, ...] = (0, 2), seed: int = 0) -> Reading:
    """Return a submitted reading of the campaign's reader with a vessel mask on each frame."""
    masks = {("vessel", index): a_mask(seed + index, cine.rows) for index in frames}
    return import_accepted_reading(campaign=campaign, cine=cine, reader=reader_of(campaign), masks=masks)


def accepted_campaign(*, patients: int = 3, slug: str = "study", **settings: Any) -> Campaign:
    """Return a campaign with one accepted cine of each of several patients."""
    campaign = make_campaign(slug, **settings)
    for index in range(patients):
        accept_new(campaign, patient=f"P-{index + 1}", seed=10 * index)
    return campaign


def accept_new(campaign: Campaign, *, patient: str, seed: int = 0) -> Reading:
    """Add a cine of a patient and accept a reading of it."""
    return accept(campaign, make_cine(campaign, patient=patient, seed=seed), seed=seed)
