"""All threads of a worker take their memory from one heap."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from workers.heap import keep_one_heap

COUNT = """
import ctypes, sys, threading
from workers.heap import keep_one_heap
if sys.argv[1] == "one":
    keep_one_heap()
together = threading.Barrier(4)
def work():
    together.wait()
    held = [bytes(1000) for _ in range(1000)]
    together.wait()
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
library = ctypes.CDLL(None)
library.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(library.fopen(sys.argv[2].encode(), b"w"))
library.malloc_info(0, file)
library.fclose(file)
"""


def heaps(how: str, path: Path) -> int:
    """Return how many heaps a process with four threads ends with."""
    subprocess.run([sys.executable, "-c", COUNT, how, str(path)], check=True, timeout=60)
    return path.read_text().count("<heap nr=")


def test_threads_share_a_heap(tmp_path: Path) -> None:
    if not hasattr(ctypes.CDLL(None), "malloc_info"):
        pytest.skip("This C library does not tell of its heaps.")
    assert heaps("many", tmp_path / "many") > 1
    assert heaps("one", tmp_path / "one") == 1


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    keep_one_heap()
