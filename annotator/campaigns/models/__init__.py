"""Campaigns, their labels, members, cines and assignments."""

from annotator.campaigns.models.assignment import Assignment, AssignmentStatus
from annotator.campaigns.models.campaign import Campaign, CampaignCine, Membership
from annotator.campaigns.models.label import Label, LabelSchema

__all__ = [
    "Assignment",
    "AssignmentStatus",
    "Campaign",
    "CampaignCine",
    "Label",
    "LabelSchema",
    "Membership",
]
