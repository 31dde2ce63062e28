"""What the tests of campaigns share."""

from __future__ import annotations

import pytest

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign
from tests.annotator.imaging.conftest import data_dir, traces
from tests.factories.readings import make_campaign, make_member

__all__ = ["data_dir", "traces"]


@pytest.fixture
def campaign(db: None) -> Campaign:
    """Return an empty campaign."""
    return make_campaign(slug="vessels")


@pytest.fixture
def manager(campaign: Campaign) -> User:
    """Return its manager."""
    return make_member(campaign, "MANAGER", "vessels-manager")


@pytest.fixture
def reader(campaign: Campaign) -> User:
    """Return one of its readers."""
    return make_member(campaign, "READER", "vessels-reader")
