"""Serve the embedded CineLoop: one process with the site, the task worker, the GPU worker and the trainer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from argparse import ArgumentParser
from typing import Any, Protocol

import uvicorn
from celery import Celery
from celery.worker import WorkController
from django.conf import settings
from django.core.management import CommandError, call_command, get_commands
from django.core.management.base import BaseCommand
from django.utils.module_loading import import_string

from annotator.core import realtime
from annotator.core.tasks import DEFAULT_QUEUE, RESULTS_QUEUE

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
WORKER_THREADS = 4


class ModelWorker(Protocol):
    """What the worker's entry point returns: the queues to feed it from, and a way to stop it."""

    queues: list[str]

    def stop(self) -> None:
        """Stop the worker and wait for it."""


class TaskWorker:
    """The one Celery worker of this process, in a thread: it feeds the web tier's tasks and the model worker."""

    def __init__(self, app: Celery, queues: list[str]) -> None:
        self._controller: WorkController = app.WorkController(
            pool="threads", concurrency=WORKER_THREADS, queues=queues, hostname="embedded"
        )
        self._thread = threading.Thread(target=self._controller.start, name="task-worker", daemon=True)

    def start(self) -> None:
        """Begin to take tasks."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more tasks and wait for those that run."""
        with contextlib.suppress(SystemExit):
            self._controller.stop()
        self._thread.join(timeout=10)


class Server(uvicorn.Server):
    """uvicorn that names its loop to the senders of hints and says when it is ready."""

    def __init__(self, config: uvicorn.Config, address: str) -> None:
        super().__init__(config)
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen and tell the user where."""
        realtime.serve_from(asyncio.get_running_loop())
        await super().startup(sockets)
        print(f"cineloop: ready at {self._address}  (Ctrl-C stops it)", flush=True)


class Command(BaseCommand):
    """`manage.py serve [--port 8000] [--prepare]`."""

    help = "Serve the embedded CineLoop on this machine."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--prepare", action="store_true", help="migrate and load the demo campaigns first")

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare, start everything, serve until stopped, stop everything."""
        if not settings.EMBEDDED_WORKER:
            raise CommandError("These settings run the parts as separate processes: use make web, worker, gpu-worker.")
        listener = self._listen(options["port"])
        if options["prepare"]:
            self._prepare()
        from annotator.celery import app

        application = import_string(settings.ASGI_APPLICATION)
        worker = self._start_worker(app)
        tasks = TaskWorker(app, [RESULTS_QUEUE, DEFAULT_QUEUE, *worker.queues])
        tasks.start()
        address = f"http://{HOST}:{options['port']}"
        config = uvicorn.Config(application, log_level="warning", ws="websockets-sansio", lifespan="off")
        try:
            Server(config, address).run(sockets=[listener])
        finally:
            realtime.serve_from(None)
            tasks.stop()
            worker.stop()

    def _listen(self, port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except (OSError, OverflowError):
            raise CommandError(f"Port {port} is taken or not allowed; choose another with --port.") from None
        return listener

    def _prepare(self) -> None:
        self.stdout.write("cineloop: preparing the database ...")
        call_command("migrate", verbosity=0)
        if settings.DEMO and "load_demo" in get_commands():
            self.stdout.write("cineloop: loading the demo campaigns ...")
            call_command("load_demo", stdout=self.stdout)

    def _start_worker(self, app: Celery) -> ModelWorker:
        try:
            start = import_string(settings.EMBEDDED_WORKER)
        except ImportError as error:
            raise CommandError(f"The worker that runs the models cannot be loaded: {error}.") from error
        worker: ModelWorker = start(app=app, data_dir=settings.DATA_DIR, name="embedded")
        return worker
