"""Command line of training: `python -m workers.training finetune|evaluate ...`; prints one JSON event a line."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch

from workers.engine.checkpoints import CheckpointError
from workers.engine.errors import EngineError
from workers.engine.session import is_out_of_memory
from workers.training.base import load_base
from workers.training.config import FinetuneConfig
from workers.training.evaluate import evaluate_checkpoint
from workers.training.finetune import ALIVE_SECONDS, Stopped, finetune
from workers.training.manifest import ManifestError

STOPPED_STATUS = 143
NO_MEMORY = (
    "This machine has too little memory for this training: take fewer prompts_per_frame, the method decoder, or a "
    "smaller model."
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workers.training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    tune = commands.add_parser("finetune", help="fine-tune a checkpoint on a dataset version")
    tune.add_argument("--base", type=Path, required=True)
    tune.add_argument("--out", type=Path, required=True)
    tune.add_argument("--config", type=Path, help="JSON file with settings to override")
    measure = commands.add_parser("evaluate", help="measure a checkpoint on a split")
    measure.add_argument("--checkpoint", type=Path, required=True)
    measure.add_argument("--split", default="test")
    for command in (tune, measure):
        command.add_argument("--manifest", type=Path, required=True)
        command.add_argument("--blobs", type=Path, required=True)
        command.add_argument("--family", default="", help="of the model; files that CineLoop wrote say it themselves")
        command.add_argument("--device", help="such as cpu or cuda:1; the GPU if there is one")
        command.add_argument("--progress", type=Path, help="append the events to this file too")
        command.add_argument("--threads", type=int, default=int(os.environ.get("OMP_NUM_THREADS", "0")) or None)
    return parser


def main() -> int:
    """Run one command; exit status 0 when done, 1 on a refusal, 143 when stopped."""
    options = _parser().parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)

    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))

    def report(event: dict[str, Any]) -> None:
        line = json.dumps(event)
        print(line, flush=True)
        if options.progress:
            with options.progress.open("a") as file:
                file.write(line + "\n")

    told = time.monotonic()

    def keep_alive() -> None:
        nonlocal told
        if time.monotonic() - told > ALIVE_SECONDS:
            told = time.monotonic()
            report({"event": "alive"})

    try:
        if options.command == "finetune":
            settings = json.loads(options.config.read_text()) if options.config else {}
            done = finetune(
                manifest=options.manifest,
                blobs=options.blobs,
                base=options.base,
                out=options.out,
                config=FinetuneConfig.from_dict(settings),
                report=report,
                family=options.family,
                device=device,
            )
        else:
            base = load_base(options.checkpoint, options.blobs, family=options.family, device=device)
            model = base.adapted()
            figures = evaluate_checkpoint(options.manifest, options.blobs, model, options.split, keep_alive)
            done = {"sha256": base.sha256, "evaluation": figures}
    except (ManifestError, CheckpointError, EngineError) as error:
        report({"event": "error", "code": error.code, "message": str(error)})
        return 1
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        report({"event": "error", "code": "out_of_memory", "message": NO_MEMORY})
        return 1
    except Stopped:
        report({"event": "stopped"})
        return STOPPED_STATUS
    report({"event": "done", **done})
    return 0


if __name__ == "__main__":
    sys.exit(main())
