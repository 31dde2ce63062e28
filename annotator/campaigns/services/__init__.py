"""Make and run campaigns."""

from annotator.campaigns.services.assignments import assign_reader
from annotator.campaigns.services.campaigns import add_cine, add_member, create_campaign, update_campaign
from annotator.campaigns.services.imports import import_files
from annotator.campaigns.services.schemas import LabelSpec, ensure_schema

__all__ = [
    "LabelSpec",
    "add_cine",
    "add_member",
    "assign_reader",
    "create_campaign",
    "ensure_schema",
    "import_files",
    "update_campaign",
]
