"""Start CineLoop as its users do, as real processes on loopback: embedded, or production in three parts."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
import redis
from psycopg import sql

from tests import machine

START_SECONDS = 120
STOP_SECONDS = 20


@dataclass
class Stack:
    """A running CineLoop: where it answers, where its data lies, and its processes by name."""

    url: str
    data_dir: Path
    env: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *command: str, **env: str) -> None:
        """Start one process, with more in its environment; its output goes to `<name>.log` in the data directory."""
        with (self.data_dir / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *command],
                cwd=machine.ROOT,
                env={**os.environ, **self.env, **env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def manage(self, *arguments: str) -> None:
        """Run a management command to its end; show its output when it fails."""
        result = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=machine.ROOT,
            env={**os.environ, **self.env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, f"manage.py {' '.join(arguments)}:\n{result.stdout}\n{result.stderr}"

    def wait_ready(self) -> None:
        """Wait until /readyz/ answers 200, or fail with its last answer and the ends of the logs."""
        answer = "no answer"
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            for name, process in self.processes.items():
                assert process.poll() is None, f"{name} stopped with {process.returncode}:\n{self.log_tail(name)}"
            with contextlib.suppress(httpx.HTTPError):
                response = httpx.get(f"{self.url}/readyz/", timeout=5)
                if response.status_code == 200:
                    return
                answer = response.text
            time.sleep(0.3)
        tails = "\n".join(f"--- {name}\n{self.log_tail(name)}" for name in self.processes)
        raise AssertionError(f"not ready after {START_SECONDS} s: {answer}\n{tails}")

    def log_tail(self, name: str) -> str:
        """Return the last lines of a process's output."""
        return "\n".join((self.data_dir / f"{name}.log").read_text(errors="replace").splitlines()[-30:])

    def stop(self) -> None:
        """Stop every process that this stack started, and wait for it."""
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    """Return a TCP port of the loopback address that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def embedded_stack(data_dir: Path) -> Iterator[Stack]:
    """Run `manage.py serve --prepare` on a fresh data directory."""
    port = free_port()
    env = {"DJANGO_SETTINGS_MODULE": "annotator.settings.embedded", "CINELOOP_DATA_DIR": str(data_dir)}
    stack = Stack(f"http://127.0.0.1:{port}", data_dir, env)
    stack.start("serve", "manage.py", "serve", "--prepare", "--port", str(port))
    try:
        stack.wait_ready()
        yield stack
    finally:
        stack.stop()


@contextlib.contextmanager
def production_stack(data_dir: Path, gpu_workers: Sequence[str] = ("gpu-worker",)) -> Iterator[Stack]:
    """Run web, worker and GPU workers as separate processes on a fresh PostgreSQL database and Redis."""
    port = free_port()
    database = f"cineloop_{secrets.token_hex(6)}"
    base, _, _ = machine.DATABASE_URL.rpartition("/")
    with psycopg.connect(machine.DATABASE_URL, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    redis_url = f"{machine.REDIS_URL.rpartition('/')[0]}/14"
    redis.Redis.from_url(redis_url).flushdb()
    env = {
        "DJANGO_SETTINGS_MODULE": "annotator.settings.production",
        "CINELOOP_DATA_DIR": str(data_dir),
        "DATABASE_URL": f"{base}/{database}",
        "REDIS_URL": redis_url,
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "127.0.0.1",
    }
    stack = Stack(f"http://127.0.0.1:{port}", data_dir, env)
    try:
        stack.manage("migrate", "--verbosity", "0")
        stack.manage("load_demo")
        uvicorn = ("-m", "uvicorn", "annotator.asgi:application", "--host", "127.0.0.1", "--port", str(port))
        stack.start("web", *uvicorn, "--log-level", "warning")
        queues = ("--queues", "results,default", "--pool", "threads", "--concurrency", "4")
        stack.start("worker", "-m", "celery", "-A", "annotator.celery", "worker", *queues, "--loglevel", "INFO")
        for name in gpu_workers:
            stack.start(name, "-m", "workers.app", "all", WORKER_NAME=name)
        stack.wait_ready()
        yield stack
    finally:
        stack.stop()
        redis.Redis.from_url(redis_url).flushdb()
        with psycopg.connect(machine.DATABASE_URL, autocommit=True) as admin:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
            admin.execute(drop)
