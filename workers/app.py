"""Start workers: `python -m workers.app gpu|training|all`, or in the process of an embedded CineLoop."""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch
from celery import Celery
from celery.worker import WorkController

from workers.blobs import open_store
from workers.config import ConfigError, WorkerConfig, config_from_environment
from workers.gpu import Workbench
from workers.heap import keep_one_heap
from workers.protocol.messages import Heartbeat
from workers.publish import Publisher
from workers.scheduler import Scheduler
from workers.tasks import add_gpu_tasks, add_training_tasks
from workers.trainer import Trainer

logger = logging.getLogger(__name__)

GPU, TRAINING = "gpu", "training"
KINDS = {"gpu": (GPU,), "training": (TRAINING,), "all": (GPU, TRAINING)}
HEARTBEAT_SECONDS = 2.0
FEATURES_IDLE_SECONDS = 1800.0
TRAINING_QUEUE = "training"


def make_app(config: WorkerConfig) -> Celery:
    """Return the Celery application of a worker process."""
    # Without Celery's fixups: one of them would load Django wherever the environment names its settings.
    app = Celery("workers", broker=config.broker_url, fixups=[])
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
    )
    return app


class Part(Protocol):
    """What can be started and stopped."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Heart:
    """Tells the web tier every two seconds that a worker is alive."""

    def __init__(self, publish: Publisher, beat: Callable[[], Heartbeat]) -> None:
        self._publish, self._beat = publish, beat
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="heart", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """Fall silent."""
        self._stopped.set()
        self._thread.join(timeout=10)

    def _work(self) -> None:
        while not self._stopped.is_set():
            try:
                self._publish(self._beat())
            except Exception:
                logger.warning("a heartbeat could not be sent", exc_info=True)
            self._stopped.wait(HEARTBEAT_SECONDS)


class Worker:
    """The parts of a worker of one or both kinds, but for the Celery worker that feeds them.

    Attributes
    ----------
    queues : list of str
        What that Celery worker has to consume. A process can have only one: Celery keeps tasks and queues by process.
    """

    def __init__(self, app: Celery, config: WorkerConfig, kinds: tuple[str, ...]) -> None:
        self.queues: list[str] = []
        self._parts: list[Part] = []
        keep_one_heap()
        started_ms = time.time() * 1000
        publish = Publisher(app)
        store = open_store(config)
        if config.threads:
            torch.set_num_threads(config.threads)
        if GPU in kinds:
            scheduler = Scheduler()
            device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
            bench = Workbench(
                config.name,
                store,
                publish,
                feature_bytes=config.feature_bytes,
                device=device,
                model_bytes=config.model_bytes,
                precision=config.precision,
            )
            queue = f"gpu.{config.name}"

            def gpu_beat() -> Heartbeat:
                bench.features.drop_unused(FEATURES_IDLE_SECONDS)
                loaded, cached = bench.models.digests, bench.features.bytes
                return Heartbeat(config.name, queue, GPU, loaded, cached, scheduler.is_busy, started_ms)

            add_gpu_tasks(app, scheduler, bench)
            self._parts += [scheduler, Heart(publish, gpu_beat)]
            self.queues.append(queue)
        if TRAINING in kinds:
            trainer = Trainer(store, config.data_dir / "training", publish, threads=config.threads)
            name = f"{config.name}-training"

            def training_beat() -> Heartbeat:
                return Heartbeat(name, TRAINING_QUEUE, TRAINING, [], 0, trainer.is_busy, started_ms)

            add_training_tasks(app, trainer)
            self._parts += [trainer, Heart(publish, training_beat)]
            self.queues.append(TRAINING_QUEUE)

    def start(self) -> None:
        """Start every part."""
        for part in self._parts:
            part.start()

    def stop(self) -> None:
        """Stop every part, the last first."""
        for part in reversed(self._parts):
            part.stop()


def start_in_process(*, app: Celery, data_dir: Path, name: str) -> Worker:
    """Start a worker of both kinds in threads of this process, on its Celery application, which has to feed it.

    Named by `annotator.settings.embedded.EMBEDDED_WORKER`, so that no module of the web tier imports torch.
    """
    broker_url = str(app.conf.broker_url)
    config = config_from_environment(BROKER_URL=broker_url, CINELOOP_DATA_DIR=str(data_dir), WORKER_NAME=name)
    worker = Worker(app, config, (GPU, TRAINING))
    worker.start()
    return worker


def main() -> int:
    """Run until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m workers.app", description=__doc__)
    parser.add_argument("kind", choices=sorted(KINDS))
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="{asctime} {levelname} {name}: {message}", style="{")
    try:
        config = config_from_environment()
        if config.broker_url.startswith("memory:"):
            raise ConfigError("BROKER_URL must name a broker that other processes reach: redis:// or amqp://.")
    except ConfigError as error:
        print(f"cineloop: {error}", file=sys.stderr)
        return 1
    app = make_app(config)
    # The threads of the pool look tasks up in the default application of the process.
    app.set_default()
    worker = Worker(app, config, KINDS[options.kind])
    controller: WorkController = app.WorkController(
        pool="threads", concurrency=1, queues=worker.queues, hostname=f"worker@{config.name}"
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: controller.stop())
    worker.start()
    logger.info("worker %s takes jobs", config.name)
    with contextlib.suppress(SystemExit):
        controller.start()
    worker.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
