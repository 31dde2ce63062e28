"""What a lab gains from its own accepted masks: `make bench-learn`.

The 41 real angiograms with masks of the shared samples become DICOM files, are imported into a campaign, and their
masks become accepted readings of single-frame cines, all through the product's own services. Look-alike images (named
in MANIFEST.csv) get one patient id, so that the patient-level split keeps them on one side. A version is frozen, the
bundled model is fine-tuned by the product's training worker, and both models are measured on the part kept out: no
click, one box over the image asks for the whole vessel tree.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fixtures.dicom import write_cine_dicom
from fixtures.synthetic import SyntheticCine
from tests import machine
from tests.benchmarks.figure import print_figure

LABEL = "coronary_artery"
TEST_SHARE = 0.3
SEED = "2026"
# Chosen on the training part alone; the whole benchmark has to fit into 20 minutes on two cores.
TRAINING = {"steps": 20_000, "max_minutes": 16.0}
POLL_SECONDS = 5


@dataclass(frozen=True)
class Angiogram:
    """An image with its mask, (H, W) each, and the group of look-alikes it belongs to."""

    name: str
    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    group: str


def read_angiograms(shared: Path) -> list[Angiogram]:
    """Return the images of the manifest that have a mask beside them, with their groups."""
    names: dict[tuple[str, str], Path] = {}
    parents: dict[tuple[str, str], tuple[str, str]] = {}

    def root(key: tuple[str, str]) -> tuple[str, str]:
        while parents.setdefault(key, key) != key:
            key = parents[key]
        return key

    with (shared / "MANIFEST.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            found = re.fullmatch(r"angiograms/Angios_40_(training|testing)/(\d+)\.png", row["relative path"])
            if not found:
                continue
            key = (found[1], found[2])
            names[key] = shared / row["relative path"]
            for kind, number in re.findall(r"\('(training|testing)', (\d+)\)", row["note"]):
                parents[root((kind, number))] = root(key)
    angiograms = []
    for key, path in sorted(names.items()):
        truth = path.with_name(f"{path.stem}_gt.png")
        mask = np.asarray(Image.open(truth).convert("L")) > 127
        image = np.asarray(Image.open(path).convert("L"))
        angiograms.append(Angiogram("-".join(key), image, mask, "-".join(root(key))))
    return angiograms


def kept_out(angiograms: list[Angiogram]) -> set[str]:
    """Return the groups of the test part: whole groups, in the order of a keyed hash, up to its share."""
    sizes: dict[str, int] = {}
    for angiogram in angiograms:
        sizes[angiogram.group] = sizes.get(angiogram.group, 0) + 1
    chosen: set[str] = set()
    for group in sorted(sizes, key=lambda name: hashlib.sha256(f"{SEED}:{name}".encode()).hexdigest()):
        held = sum(sizes[name] for name in chosen)
        if held + sizes[group] <= round(TEST_SHARE * len(angiograms)):
            chosen.add(group)
    return chosen


def set_up(data_dir: Path) -> None:
    """Make this process an embedded CineLoop on a fresh data directory."""
    os.environ["CINELOOP_DATA_DIR"] = str(data_dir)
    os.environ["DJANGO_SETTINGS_MODULE"] = "annotator.settings.embedded"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def fill_campaign(angiograms: list[Angiogram], folder: Path) -> str:
    """Import the images and accept their masks; return the campaign's slug."""
    from annotator.accounts.services import create_user
    from annotator.campaigns.services import LabelSpec, create_campaign, ensure_schema, import_files
    from annotator.datasets.services import place_patients
    from annotator.imaging.models import Cine
    from annotator.imaging.services.ingest import SourceFile
    from annotator.readings.services import import_accepted_reading

    reader = create_user(username="bench", password="bench-only", display_name="Benchmark", is_staff=True)
    schema = ensure_schema(name="Bench", labels=[LabelSpec(LABEL, "Coronary artery", "#ff5c7a", "SCT", "41801008")])
    campaign = create_campaign(slug="bench-learn", name="Learn", schema=schema, modality="XA", actor=reader)
    # The one training is started below, on everything at once, and not by the policy after the first few.
    campaign.train_after = len(angiograms) + 1
    campaign.save(update_fields=["train_after"])
    held_out, places = kept_out(angiograms), {}
    for angiogram in angiograms:
        cine = SyntheticCine("XA", angiogram.image[None], {}, np.zeros(1))
        path = folder / f"{angiogram.name}.dcm"
        data = write_cine_dicom(cine, patient_id=f"TEST-{angiogram.group}", compression="raw", series=angiogram.name)
        path.write_bytes(data)
        batch = import_files(campaign=campaign, actor=reader, files=[SourceFile(path, path.name)], scratch=folder)
        imported = Cine.objects.get(pk=batch.items[0]["cine_ids"][0])
        import_accepted_reading(campaign=campaign, cine=imported, reader=reader, masks={(LABEL, 0): angiogram.mask})
        places[imported.patient.key] = "test" if angiogram.group in held_out else "train"
    place_patients(campaign=campaign, patient_keys=[], wanted=places)
    return campaign.slug


def train(slug: str, checkpoint: Path | None, minutes: float) -> tuple[dict[str, float], dict[str, float]]:
    """Freeze, train through the product's training worker, and return the evaluations before and after."""
    from django.conf import settings
    from django.utils.module_loading import import_string

    from annotator.accounts.models import User
    from annotator.campaigns.models import Campaign
    from annotator.celery import app
    from annotator.core.management.commands.serve import TaskWorker
    from annotator.core.tasks import DEFAULT_QUEUE, RESULTS_QUEUE
    from annotator.registry.models import Evaluation, ModelVersion, RunStatus, TrainingRun
    from annotator.registry.services import register_bundled_model, start_training_run

    register_bundled_model(path=checkpoint)
    worker = import_string(settings.EMBEDDED_WORKER)(app=app, data_dir=settings.DATA_DIR, name="bench")
    tasks = TaskWorker(app, [RESULTS_QUEUE, DEFAULT_QUEUE, *worker.queues])
    tasks.start()
    try:
        campaign, actor = Campaign.objects.get(slug=slug), User.objects.get(username="bench")
        run = start_training_run(campaign=campaign, actor=actor, config={**TRAINING, "max_minutes": minutes})
        print(f"dataset: {run.dataset_version.counts}", flush=True)
        while run.status in (RunStatus.QUEUED, RunStatus.RUNNING):
            time.sleep(POLL_SECONDS)
            run = TrainingRun.objects.get(pk=run.pk)
            print(f"training: {run.status} {run.progress}", flush=True)
        if run.status != RunStatus.SUCCEEDED:
            raise SystemExit(f"the training ended as {run.status}: {run.error_message}")
        after = ModelVersion.objects.get(training_run=run)
        figures = {
            evaluation.model_id: {"iou": evaluation.iou, "dice": evaluation.dice, "images": len(evaluation.cines)}
            for evaluation in Evaluation.objects.filter(dataset_version=run.dataset_version, split="test")
        }
        return figures[run.base_id], figures[after.pk]
    finally:
        tasks.stop()
        worker.stop()


def main() -> int:
    """Run the benchmark and print its figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, help="start from this checkpoint instead of the bundled one")
    parser.add_argument("--minutes", type=float, default=TRAINING["max_minutes"], help="training time at most")
    options = parser.parse_args()
    shared = machine.shared_data()
    if shared is None:
        print("The shared angiograms are not on this machine; nothing was measured.", file=sys.stderr)
        return 1
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        set_up(Path(name) / "data")
        scratch = Path(name) / "files"
        scratch.mkdir()
        slug = fill_campaign(read_angiograms(shared), scratch)
        before, after = train(slug, options.checkpoint, options.minutes)
    print_figure(
        iou_before=round(before["iou"], 3),
        iou_after=round(after["iou"], 3),
        dice_after=round(after["dice"], 3),
        dice_before=round(before["dice"], 3),
        test_images=int(after["images"]),
        minutes=round((time.monotonic() - started) / 60, 1),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
