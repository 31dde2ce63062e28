"""What the tests of the trainer share: a small dataset in a store, a run of it, and a stand-in for the process."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fixtures.synthetic import generate_cine
from tests.workers.edge.parts import Outbox
from workers.blobs import BlobStore
from workers.protocol.digests import array_digest
from workers.protocol.messages import ModelRef, TrainingRequest, TrainingUpdate
from workers.protocol.rle import encode_mask
from workers.trainer import Trainer

SIDE = 64


class School:
    """A store with a base model and a manifest of synthetic angiograms, and trainers that use them."""

    def __init__(self, folder: Path, checkpoint: Path, splits: Mapping[int, str]) -> None:
        self.store = BlobStore(folder / "blobs")
        self.runs = folder / "training"
        self.outbox = Outbox()
        self.base = ModelRef(self.store.put(checkpoint.read_bytes()), "bundled")
        self.lines = [self._line(seed, split) for seed, split in splits.items()]

    def trainer(self, threads: int = 1) -> Trainer:
        """Return a trainer that was not started."""
        return Trainer(self.store, self.runs, self.outbox, threads=threads)

    def put_manifest(self) -> str:
        """Store the lines as they are now and return the digest."""
        return self.store.put(b"".join(json.dumps(line, sort_keys=True).encode() + b"\n" for line in self.lines))

    def request(self, run_id: str = "run-1", **changes: Any) -> TrainingRequest:
        """Return a run of two steps that is compared with its base."""
        config = {"steps": 2, "frames_per_step": 1}
        request = TrainingRequest(run_id, self.put_manifest(), self.base, config, 7, [self.base])
        return replace(request, **changes)

    def updates(self, run_id: str = "run-1") -> list[TrainingUpdate]:
        """Return what was said of a run."""
        messages = list(self.outbox.messages)
        return [one for one in messages if isinstance(one, TrainingUpdate) and one.run_id == run_id]

    def events(self, run_id: str = "run-1") -> list[str]:
        """Return the events of a run, in order."""
        return [update.event for update in self.updates(run_id)]

    def has_ended(self, run_id: str = "run-1") -> bool:
        """Tell whether the last word of a run was said."""
        return bool({"done", "error", "cancelled"} & set(self.events(run_id)))

    def is_tidy(self) -> bool:
        """Tell whether no folder of a run is left."""
        return not self.runs.exists() or not any(self.runs.iterdir())

    def _line(self, seed: int, split: str) -> dict[str, Any]:
        cine = generate_cine("xa", seed=seed, frames=1, size=SIDE)
        digest = array_digest(cine.frames)
        path = self.store.root / "sha256" / digest[:2] / digest
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            np.save(file, cine.frames)
        mask = self.store.put(encode_mask(cine.labels["coronary_artery"][0]))
        return {
            "cine": digest,
            "modality": "XA",
            "rows": SIDE,
            "cols": SIDE,
            "frame_count": 1,
            "window": [0, 255],
            "patient_key": f"P-{seed}",
            "split": split,
            "frames_blob": digest,
            "masks": [{"frame_index": 0, "label": "coronary_artery", "mask": mask}],
        }


class FakeProcess:
    """A shell script in the place of Python: it notes its arguments and its id, then does what a test wants."""

    def __init__(self, folder: Path, finetune: str, evaluate: str = "") -> None:
        self.path, self._notes, self._pid = folder / "python", folder / "arguments", folder / "pid"
        self.model = folder / "model"
        self.model.write_bytes(b"learnt")
        script = f"""#!/bin/sh
echo "$*" >> {self._notes}
echo $$ > {self._pid}
say() {{ printf '%s\\n' "$1"; }}
case "$3" in
finetune) {finetune or ":"} ;;
evaluate) {evaluate or ":"} ;;
esac
"""
        self.path.write_text(script)
        self.path.chmod(0o755)

    @property
    def arguments(self) -> list[list[str]]:
        """The arguments of each process so far, after `-m workers.training`."""
        return [line.split()[2:] for line in self._notes.read_text().splitlines()] if self._notes.exists() else []

    @property
    def is_gone(self) -> bool:
        """Whether the process started last has ended and was waited for."""
        try:
            os.kill(int(self._pid.read_text()), 0)
        except ProcessLookupError:
            return True
        return False
