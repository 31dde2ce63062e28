"""What can be asked of runs and models; lists begin from `visible_to(user)`."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign, CampaignCine
from annotator.campaigns.selectors import visible_to as visible_campaigns
from annotator.datasets.models import DatasetItem, DatasetVersion, Split
from annotator.datasets.selectors import latest_version, new_accepted_cines
from annotator.readings.models import Reading, ReadingStatus
from annotator.registry.models import LIVE, Evaluation, ModelVersion, Promotion, PromotionReason, TrainingRun


def visible_runs(user: User) -> QuerySet[TrainingRun]:
    """Return the training runs of the campaigns that a user may see."""
    runs = TrainingRun.objects.select_related("campaign", "dataset_version", "base", "started_by", "model")
    return runs.filter(campaign__in=visible_campaigns(user))


def visible_models(user: User) -> QuerySet[ModelVersion]:
    """Return the bundled models and those trained or promoted in the campaigns that a user may see."""
    campaigns = visible_campaigns(user)
    models = ModelVersion.objects.select_related("parent", "training_run__campaign", "dataset_version")
    return models.filter(
        Q(training_run__isnull=True)
        | Q(training_run__campaign__in=campaigns)
        | Q(pk__in=Promotion.objects.filter(campaign__in=campaigns).values("model"))
    )


def visible_evaluations(user: User) -> QuerySet[Evaluation]:
    """Return the evaluations on the versions of the campaigns that a user may see."""
    evaluations = Evaluation.objects.select_related("model", "dataset_version__campaign")
    return evaluations.filter(dataset_version__campaign__in=visible_campaigns(user))


def visible_promotions(user: User) -> QuerySet[Promotion]:
    """Return the promotions of the campaigns that a user may see."""
    promotions = Promotion.objects.select_related("campaign", "model", "previous", "actor")
    return promotions.filter(campaign__in=visible_campaigns(user))


def current_model(campaign: Campaign) -> ModelVersion | None:
    """Return the model that new readings of a campaign start from, or None before the first promotion."""
    if campaign.current_model_id is None:
        return None
    return ModelVersion.objects.filter(pk=campaign.current_model_id).first()


def models_called(text: str) -> list[ModelVersion]:
    """Return the models of a number or a name, in the order of their numbers."""
    wanted = Q(number=int(text)) if text.isdecimal() else Q(name=text)
    return list(ModelVersion.objects.filter(wanted).order_by("number"))


def campaigns_by_model() -> dict[UUID, list[str]]:
    """Return the short names of the campaigns that use each model."""
    used: dict[UUID, list[str]] = {}
    rows = Campaign.objects.exclude(current_model_id=None).order_by("slug")
    for model, slug in rows.values_list("current_model_id", "slug"):
        if model is not None:
            used.setdefault(model, []).append(slug)
    return used


def live_run(campaign: Campaign) -> TrainingRun | None:
    """Return the queued or running training of a campaign, or None."""
    return TrainingRun.objects.filter(campaign=campaign, status__in=LIVE).first()


def promotion_stack(campaign: Campaign) -> list[ModelVersion]:
    """Return the models of a campaign from the first to the current one, without those rolled back."""
    stack: list[ModelVersion] = []
    history = Promotion.objects.filter(campaign=campaign).select_related("model")
    for promotion in history.order_by("created_at", "pk"):
        if promotion.reason == PromotionReason.ROLLBACK and len(stack) > 1:
            stack.pop()
        else:
            stack.append(promotion.model)
    return stack


def evaluation_split(version: DatasetVersion) -> Split:
    """Return the part of a version on which models are compared.

    It is the locked test part; while the campaign has a single patient, who has to be trained on, it is the train
    part, and everything that shows the figure says so.
    """
    tested = DatasetItem.objects.filter(version=version, split=Split.TEST).exists()
    return Split.TEST if tested else Split.TRAIN


@dataclass(frozen=True)
class Comparison:
    """A model's evaluation beside that of the model it came from, on the same cines."""

    split: str
    evaluation: Evaluation
    previous: Evaluation | None

    @property
    def gain(self) -> float | None:
        """The difference of the IoU, or None where the previous model was not evaluated on these cines."""
        return None if self.previous is None else self.evaluation.iou - self.previous.iou


def comparison_of(model: ModelVersion) -> Comparison | None:
    """Return a model's newest evaluation on its own dataset version beside that of its parent."""
    evaluations = Evaluation.objects.filter(dataset_version=model.dataset_version_id)
    own = evaluations.filter(model=model).order_by("-created_at").first()
    if own is None:
        return None
    previous = evaluations.filter(model=model.parent_id, split=own.split).first()
    return Comparison(split=own.split, evaluation=own, previous=previous)


@dataclass(frozen=True)
class Lineage:
    """Where a model comes from; everything is None, 0 or empty for the bundled model."""

    parent: ModelVersion | None
    training_run: TrainingRun | None
    dataset_version: DatasetVersion | None
    masks: int
    readings: list[DatasetItem]
    comparison: Comparison | None


def lineage_of(model: ModelVersion) -> Lineage:
    """Return the parent, run, dataset version, masks and readings of a model, and what it gained."""
    items: list[DatasetItem] = []
    if model.dataset_version is not None:
        rows = DatasetItem.objects.filter(version=model.dataset_version)
        items = list(rows.select_related("reading__assignment").order_by("split", "cine_id", "reading_id"))
    return Lineage(
        parent=model.parent,
        training_run=model.training_run,
        dataset_version=model.dataset_version,
        masks=sum(item.masks for item in items),
        readings=items,
        comparison=comparison_of(model),
    )


@dataclass(frozen=True)
class CampaignSummary:
    """How the loop of a campaign stands.

    `readings` counts readings by status; `accepted_since_last_version` counts cines.
    """

    cines: int
    readings: dict[str, int]
    accepted_since_last_version: int
    train_after: int
    current_model: ModelVersion | None
    latest_version: DatasetVersion | None
    running_training: TrainingRun | None


def summary_of(campaign: Campaign) -> CampaignSummary:
    """Return how the loop of a campaign stands."""
    counted = Reading.objects.filter(campaign=campaign).order_by().values_list("status").annotate(Count("pk"))
    by_status = dict(counted)
    return CampaignSummary(
        cines=CampaignCine.objects.filter(campaign=campaign).count(),
        readings={status: by_status.get(status, 0) for status in ReadingStatus.values},
        accepted_since_last_version=new_accepted_cines(campaign),
        train_after=campaign.train_after,
        current_model=current_model(campaign),
        latest_version=latest_version(campaign),
        running_training=live_run(campaign),
    )
