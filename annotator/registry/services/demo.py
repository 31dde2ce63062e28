"""Fill an empty CineLoop with the demo campaigns, through the services that everybody uses."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from annotator.accounts.models import User
from annotator.accounts.services import create_user
from annotator.campaigns.models import Campaign, CampaignCine
from annotator.campaigns.services import LabelSpec, add_member, create_campaign, ensure_schema, import_files
from annotator.core.errors import Unprocessable
from annotator.datasets.services import place_patients
from annotator.imaging.models import Cine
from annotator.imaging.services.ingest import SourceFile
from annotator.readings.models import Reading
from annotator.readings.services import import_accepted_reading
from fixtures.demo import ACCEPTED_BY, CAMPAIGNS, PASSWORD, USERS, DemoCampaign, DemoCine
from fixtures.dicom import write_cine_dicom

from .register import register_bundled_model

CODING_SCHEME = "SCT"


def load_demo_campaigns(*, say: Callable[[str], None] = lambda text: None) -> list[Campaign]:
    """Make the demo's users, campaigns, cines and accepted readings; what is there already is left alone.

    Parameters
    ----------
    say : callable, optional
        Called with a sentence before each step.

    Returns
    -------
    list of Campaign
        The demo campaigns, each with the bundled model unless it has one.

    Raises
    ------
    Unprocessable
        `demo_import_failed`: a generated file was refused.
    NotFound
        `checkpoint_missing`: the bundled checkpoint is not there.
    """
    users = {
        spec.username: create_user(
            username=spec.username, password=PASSWORD, display_name=spec.display_name, is_staff=spec.is_staff
        )
        for spec in USERS
    }
    campaigns = [_ensure_campaign(spec, users) for spec in CAMPAIGNS]
    register_bundled_model()
    for spec, campaign in zip(CAMPAIGNS, campaigns, strict=True):
        campaign.refresh_from_db()
        present = CampaignCine.objects.filter(campaign=campaign).count()
        if present < len(spec.cines):
            say(f"Drawing and importing {len(spec.cines)} cines for {campaign.name}.")
            _fill_campaign(spec, campaign, users)
    return campaigns


def _ensure_campaign(spec: DemoCampaign, users: dict[str, User]) -> Campaign:
    """Return the campaign of a spec with its members; an existing one keeps its settings."""
    campaign = Campaign.objects.filter(slug=spec.slug).first()
    if campaign is not None:
        return campaign
    labels = [LabelSpec(label.code, label.name, label.colour, CODING_SCHEME, label.snomed) for label in spec.labels]
    campaign = create_campaign(
        slug=spec.slug,
        name=spec.name,
        schema=ensure_schema(name=spec.schema, labels=labels),
        modality=spec.modality,
        train_after=spec.train_after,
        split_seed=spec.split_seed,
        training_config=dict(spec.training_config),
    )
    for user in USERS:
        add_member(campaign=campaign, user=users[user.username], role=user.role)
    return campaign


def _fill_campaign(spec: DemoCampaign, campaign: Campaign, users: dict[str, User]) -> None:
    """Import the cines of a spec and take over the readings that it counts as accepted."""
    places: dict[str, str] = {}
    for cine_spec in spec.cines:
        cine = _import_cine(cine_spec, campaign, users["admin"])
        reader = users[ACCEPTED_BY]
        known = Reading.objects.filter(campaign=campaign, cine=cine, reader=reader)
        if cine_spec.accepted and not known.exists():
            truth = cine_spec.generate().labels
            codes = [label.code for label in spec.labels if label.code in truth]
            masks = {(code, index): truth[code][index] for code in codes for index in cine_spec.accepted}
            import_accepted_reading(campaign=campaign, cine=cine, reader=reader, masks=masks)
        if cine_spec.split is not None:
            places[cine.patient.key] = cine_spec.split
    place_patients(campaign=campaign, patient_keys=[], wanted=places)


def _import_cine(spec: DemoCine, campaign: Campaign, actor: User) -> Cine:
    """Write one cine as a DICOM file and import it as any other file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / spec.name
        path.write_bytes(write_cine_dicom(spec.generate(), patient_id=spec.patient))
        batch = import_files(campaign=campaign, actor=actor, files=[SourceFile(path, spec.name)], scratch=folder)
    item = batch.items[0]
    if not item["cine_ids"]:
        raise Unprocessable(f"The demo file {spec.name} was refused: {item['message']}", code="demo_import_failed")
    return Cine.objects.get(pk=item["cine_ids"][0])
