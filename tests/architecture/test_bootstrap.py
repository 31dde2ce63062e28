"""The set-up of a fresh machine: with the standard library alone, once, and with one sentence when it fails."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from annotator import bootstrap
from annotator.bootstrap import SetupError, check_disk, check_port, digest_of, is_fresh, requirement_lines, run
from tests.machine import ROOT

PINS = """# What the product needs.
Django==5.2

  torch==2.7
# --- development: tests
pytest==8.4
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that stands for the checkout."""
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    return tmp_path


def failing(output: str) -> list[str]:
    """Return a command that prints something and fails."""
    return [sys.executable, "-c", f"import sys; print({output!r}); sys.exit(3)"]


def refusal_of(output: str) -> str:
    """Return what the user is told when a command fails with this output."""
    with pytest.raises(SetupError) as refused:
        run(failing(output), failure="Numbers could not be installed")
    return str(refused.value)


def test_it_runs_before_anything_is_installed() -> None:
    """Isolated from every installed package, it still starts."""
    command = [sys.executable, "-I", "-S", str(ROOT / "annotator" / "bootstrap.py"), "--help"]
    started = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert started.returncode == 0, started.stderr
    assert "Make this machine ready for CineLoop." in started.stdout


def test_requirements_with_and_without_the_tools_of_developers(root: Path) -> None:
    """`make run` installs what stands above the mark, `make test` everything; comments and blanks are no packages."""
    (root / "requirements.txt").write_text(PINS)
    assert requirement_lines(development=False) == ["Django==5.2", "torch==2.7"]
    assert requirement_lines(development=True) == ["Django==5.2", "torch==2.7", "pytest==8.4"]


def test_the_requirements_of_this_checkout_are_pinned_and_whole() -> None:
    """Each names one version, once; the set-up finds by name those that it installs first."""
    runtime, everything = requirement_lines(development=False), requirement_lines(development=True)
    assert everything[: len(runtime)] == runtime
    assert len(everything) > len(runtime)
    names = [line.partition("==")[0].lower() for line in everything]
    assert len(names) == len(set(names))
    assert {"setuptools", "wheel", "torch", "numpy", "django"} <= set(names[: len(runtime)])
    assert "pytest" not in names[: len(runtime)]
    assert all("==" in line or " @ " in line for line in everything)


@pytest.mark.parametrize("port", ["", "http", "-1", "0", "65536", "80.5", "8000 ", "²", "9" * 5000])
def test_a_port_is_a_number(port: str) -> None:
    """Anything else is refused in a sentence that repeats it."""
    with pytest.raises(SetupError) as refused:
        check_port(port)
    assert str(refused.value) == f"PORT={port} is not a port number between 1 and 65535."


@pytest.fixture
def taken() -> Iterator[str]:
    """Return a port of the loopback address that somebody listens on."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield str(server.getsockname()[1])


def test_a_taken_port_is_refused_before_anything_is_installed(
    taken: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence with what to do, no traceback, and nothing was begun."""
    monkeypatch.setattr(bootstrap, "install_python", lambda **_: pytest.fail("it went on"))
    assert bootstrap.main(["run", "--port", taken]) == 1
    sentence = f"cineloop: Port {taken} is taken; choose another with `make run PORT=8010`.\n"
    assert capsys.readouterr() == ("", sentence)


def test_a_free_port_is_left_free(taken: str) -> None:
    """The look at it does not keep it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    check_port(str(port))
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))


def test_a_full_disk_is_seen_beforehand(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names what is there and what is needed."""
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1.26e9))
    with pytest.raises(SetupError) as refused:
        check_disk()
    assert str(refused.value) == "Only 1.3 GB of disk are free; installing needs 4 GB."
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=4.1e9))
    check_disk()


def test_a_folder_that_cannot_be_written_is_seen_beforehand(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a read-only checkout."""
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1e12))
    monkeypatch.setattr(bootstrap.os, "access", lambda path, mode: False)
    with pytest.raises(SetupError, match=r"^This folder is not writable"):
        check_disk()


def test_an_old_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the version that is needed, the one that is here, and a way out."""
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    with pytest.raises(SetupError, match=r"^Python 3\.11 or newer is needed, this is 3\.9\.18; name another"):
        bootstrap.check_python()


@pytest.mark.parametrize(
    "output",
    [
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
        "npm error code ENOSPC\nnpm error nospc There appears to be insufficient space",
        "OSError: [Errno 122] Disk quota exceeded\nWARNING: Retrying after NewConnectionError",
    ],
)
def test_a_full_disk_is_one_sentence(output: str) -> None:
    """Whichever tool met it."""
    expected = "Numbers could not be installed: the disk is full. Free 4 GB and run this again."
    assert refusal_of(output) == expected


@pytest.mark.parametrize(
    "output",
    [
        "WARNING: Retrying ... NewConnectionError('... [Errno -3] Temporary failure in name resolution')",
        "HTTPSConnectionPool(host='registry', port=443): Max retries exceeded with url: /simple/",
        "npm error code ENOTFOUND\nnpm error network request to https://registry failed",
        "npm error code EAI_AGAIN",
        "npm error code ECONNREFUSED",
        "OSError: [Errno 101] Network is unreachable",
        "[Errno 111] Connection refused",
        "ConnectTimeoutError(..., 'Connection to registry timed out. (connect timeout=15)')",
    ],
)
def test_no_network_is_one_sentence(output: str) -> None:
    """Whichever tool met it."""
    expected = (
        "Numbers could not be installed: the package registry cannot be reached. Check the network and try again."
    )
    assert refusal_of(output) == expected


def test_another_failure_shows_the_end_of_the_output() -> None:
    """Fifteen lines, of standard output and standard error alike."""
    told = refusal_of("\n".join(f"line {number}" for number in range(40)))
    first, *lines = told.splitlines()
    assert first == "Numbers could not be installed. The command said:"
    assert lines == [f"line {number}" for number in range(25, 40)]
    script = "import sys; sys.stderr.write('on the other stream'); sys.exit(1)"
    with pytest.raises(SetupError, match=r"^It failed\. The command said:\non the other stream$"):
        run([sys.executable, "-c", script], failure="It failed")


def test_a_command_that_succeeds_is_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever it prints; it runs in its folder, with the added variables, and cannot wait for an answer."""
    script = (
        "import os, pathlib, sys; print('noise No space left on device');"
        "pathlib.Path('seen').write_text(os.environ['ADDED'] + sys.stdin.read())"
    )
    run([sys.executable, "-c", script], failure="Never", cwd=tmp_path, env={"ADDED": "value"})
    assert (tmp_path / "seen").read_text() == "value"
    assert capfd.readouterr() == ("", "")


def test_a_digest_depends_on_names_contents_and_extras(root: Path) -> None:
    """Not on the order in which the files were found."""
    first, second = root / "a.ts", root / "b.ts"
    first.write_text("1")
    second.write_text("2")
    digest = digest_of([first, second], "3.11")
    assert digest == digest_of([second, first], "3.11")
    assert digest != digest_of([first, second], "3.12")
    assert digest != digest_of([first], "3.11")
    assert digest_of([], "ab", "c") != digest_of([], "a", "bc")
    second.write_text("changed")
    assert digest != digest_of([first, second], "3.11")
    second.write_text("2")
    assert digest == digest_of([first, second], "3.11")
    second.rename(root / "c.ts")
    assert digest != digest_of([first, root / "c.ts"], "3.11")


def test_a_step_is_fresh_while_its_stamp_holds_the_digest(tmp_path: Path) -> None:
    """No stamp, another digest, or a folder in its place: not fresh."""
    stamp = tmp_path / "stamp"
    assert not is_fresh(stamp, "abc")
    stamp.write_text("abc")
    assert is_fresh(stamp, "abc")
    assert not is_fresh(stamp, "abd")
    assert not is_fresh(tmp_path, "abc")


def test_the_frontend_is_built_again_only_when_its_sources_change(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed build leaves no stamp, so that the next run tries again."""
    frontend = root / "frontend"
    (frontend / "src").mkdir(parents=True)
    (frontend / "dist").mkdir()
    (frontend / "src" / "main.ts").write_text("let a = 1;")
    monkeypatch.setattr(bootstrap, "FRONTEND", frontend)
    monkeypatch.setattr(bootstrap, "install_frontend", lambda: None)
    monkeypatch.setattr(bootstrap, "npm_command", lambda: (["npm"], {}))
    ran: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "run", lambda command, **_: ran.append(command))
    bootstrap.build_frontend()
    bootstrap.build_frontend()
    assert ran == [["npm", "run", "--silent", "build"]]
    (frontend / "src" / "main.ts").write_text("let a = 2;")

    def fail(command: list[str], **_: object) -> None:
        raise SetupError("The frontend could not be built.")

    with monkeypatch.context() as patch:
        patch.setattr(bootstrap, "run", fail)
        with pytest.raises(SetupError):
            bootstrap.build_frontend()
    bootstrap.build_frontend()
    assert len(ran) == 2


def test_stopping_it_is_no_error(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C during an installation ends in one line."""

    def stop() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bootstrap, "build_frontend", stop)
    assert bootstrap.main(["frontend"]) == 130
    assert capsys.readouterr().err == "cineloop: stopped.\n"
