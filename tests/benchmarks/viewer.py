"""How fast the viewer is in a real Chromium: `make bench-viewer`.

The editor and the components of the reading page run as they are (frontend/bench), on frames and masks that this
process serves; nothing of them is replaced but the answers of the API. Frames have three overlapping labels.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from fixtures.synthetic import generate_cine
from tests import machine
from tests.benchmarks.figure import print_figure
from tests.e2e.conftest import launch_chromium
from workers.protocol.rle import encode_mask, mask_area

FRONTEND = machine.ROOT / "frontend"
VIEWPORT: ViewportSize = {"width": 1440, "height": 900}
REFRESH_MS = 1000 / 60
DRAWN = 20
"""Different frames of a cine; they repeat."""
LABELS = [("coronary_artery", "#ff922b"), ("catheter", "#4dabf7"), ("chamber", "#69db7c")]
PLAY_SECONDS, OPENINGS, MASKS, STROKES = 5, 5, 200, 150
LOAD_SECONDS, SWEEP_SECONDS = 120, 12


class Cine:
    """A cine of the benchmark's server: synthetic angiograms that repeat, with three overlapping masks each."""

    def __init__(self, name: str, *, size: int, bits: int, frames: int, rate: float = 60) -> None:
        self.name, self.size, self.bits, self.frames, self.rate = name, size, bits, frames, rate

    @cached_property
    def drawn(self) -> tuple[NDArray[Any], list[NDArray[np.bool_]]]:
        """Frames (DRAWN, size, size) of uint8 or uint16, and the masks of each label."""
        cine = generate_cine("xa", seed=4711, frames=DRAWN, size=self.size // (self.bits // 8))
        scale = self.size // cine.frames.shape[1]
        frames, masks = cine.frames, [cine.labels[code] for code, _ in LABELS[:2]]
        if scale > 1:
            frames = frames.repeat(scale, 1).repeat(scale, 2)
            masks = [mask.repeat(scale, 1).repeat(scale, 2) for mask in masks]
        if self.bits > 8:
            noise = np.random.default_rng(1).integers(0, 16, frames.shape, dtype=np.uint16)
            frames = frames.astype(np.uint16) * 16 + noise
        rows, columns = np.mgrid[: self.size, : self.size] / self.size - 0.5
        radius = 0.25 + 0.05 * np.sin(np.arange(DRAWN) / DRAWN * 2 * np.pi)
        masks.append(np.hypot(rows, columns * 1.3)[None] < radius[:, None, None])
        return frames, masks

    @cached_property
    def bodies(self) -> list[bytes]:
        """The frames as the product sends them."""
        return [gzip.compress(np.ascontiguousarray(frame).tobytes(), 1, mtime=0) for frame in self.drawn[0]]

    @cached_property
    def info(self) -> bytes:
        """What the editor needs to know of the cine."""
        return json.dumps(
            {
                "id": self.name,
                "title": self.name,
                "patientKey": "P-BENCH",
                "modality": "XA",
                "frameCount": self.frames,
                "rows": self.size,
                "columns": self.size,
                "channels": 1,
                "bitsAllocated": self.bits,
                "window": [0, 255] if self.bits == 8 else [0, 4095],
                "windows": {},
                "frameTimesMs": [number * 1000 / self.rate for number in range(self.frames)],
                "frameTimeSource": "FrameTime",
                "display": {"primary_angle_deg": -30, "secondary_angle_deg": 20},
                "warnings": [],
                "labels": [
                    {"code": code, "name": code, "colour": colour, "index": index + 1}
                    for index, (code, colour) in enumerate(LABELS)
                ],
            }
        ).encode()

    @cached_property
    def masks(self) -> bytes:
        """The answer of the API to the question for masks."""
        rows = []
        coded = [[encode_mask(mask) for mask in masks] for masks in self.drawn[1]]
        for frame in range(self.frames):
            for index, (code, _) in enumerate(LABELS):
                data = coded[index][frame % DRAWN]
                rows.append(
                    {
                        "label": code,
                        "label_index": index + 1,
                        "frame_index": frame,
                        "provenance": "PROPAGATED",
                        "accepted": frame % 3 == 0,
                        "area": mask_area(data),
                        "score": 0.9,
                        "event_seq": 1,
                        "mask": base64.b64encode(data).decode(),
                    }
                )
        return json.dumps({"revision": 0, "masks": rows}).encode()


CINES = {
    cine.name: cine
    for cine in (
        Cine("small", size=512, bits=8, frames=100),
        Cine("large", size=1024, bits=16, frames=100),
        Cine("long", size=512, bits=8, frames=1000),
    )
}


class Handler(SimpleHTTPRequestHandler):
    """Serves the built page, and the cines below `/cines/`."""

    protocol_version = "HTTP/1.1"
    sweeping = threading.Event()
    """Set when a page has loaded its frames and begins to play."""

    def do_GET(self) -> None:
        """Answer."""
        parts = self.path.strip("/").split("/")
        if parts[0] == "sweeping":
            self.sweeping.set()
            self._send(b"")
            return
        if parts[0] != "cines":
            super().do_GET()
            return
        cine = CINES[parts[1]]
        if parts[2:3] == ["frames"]:
            self._send(cine.bodies[(int(parts[3]) - 1) % DRAWN], encoding="gzip")
        else:
            self._send(cine.masks if parts[2:] == ["masks"] else cine.info)

    def _send(self, body: bytes, encoding: str = "") -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        if encoding:
            self.send_header("Content-Encoding", encoding)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """A server that does not mind pages which are closed before their frames have come."""

    def handle_error(self, *_: Any) -> None:
        """Say nothing of connections that the browser gave up."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder and the cines; yields the address."""
    with Server(("127.0.0.1", 0), lambda *rest: Handler(*rest, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def build(folder: Path) -> None:
    """Build the page of the benchmark into a folder."""
    vite = FRONTEND / "node_modules" / ".bin" / "vite"
    node = Path(sys.executable).parent
    subprocess.run(
        [str(vite), "build", "--config", "bench/vite.config.ts", "--outDir", str(folder), "--logLevel", "warn"],
        cwd=FRONTEND,
        env={**os.environ, "PATH": f"{node}{os.pathsep}{os.environ.get('PATH', '')}"},
        check=True,
    )


def renderer_megabytes(root: int) -> float:
    """Return the proportional set size of the largest renderer below a process."""
    parents: dict[int, int] = {}
    renderers = []
    for folder in Path("/proc").iterdir():
        with suppress(OSError, ValueError, IndexError):
            pid = int(folder.name)
            parents[pid] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if b"--type=renderer" in (folder / "cmdline").read_bytes():
                renderers.append(pid)
    sizes = [0.0]
    for pid in renderers:
        above = pid
        while above not in (0, root):
            above = parents.get(above, 0)
        if above == root:
            with suppress(OSError):
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
                sizes.append(next(int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("Pss:")))
    return max(sizes)


def sweep_megabytes(url: str, cine: str) -> float:
    """Return the most megabytes of the renderer while a cine is loaded and played from end to end.

    The browser runs by itself: one that is driven over its debugging port keeps a copy of what it has fetched.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [str(machine.chromium()), *machine.CHROMIUM_ARGUMENTS, f"--user-data-dir={profile}"]
        browser = subprocess.Popen(
            [*command, "--window-size=1440,900", f"{url}?cine={cine}&sweep"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            most, ends = 0.0, time.monotonic() + LOAD_SECONDS
            Handler.sweeping.clear()
            while time.monotonic() < ends:
                if Handler.sweeping.wait(0.3) and ends > time.monotonic() + SWEEP_SECONDS:
                    ends = time.monotonic() + SWEEP_SECONDS
                most = max(most, renderer_megabytes(browser.pid))
                time.sleep(0.3)
            if not Handler.sweeping.is_set():
                raise RuntimeError("the page did not load its frames")
            return most
        finally:
            browser.terminate()
            browser.wait(20)


class Bench:
    """The measurements, each on a fresh page."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser, self.url = browser, url

    @contextmanager
    def page(self, cine: str, *, bare: bool = False, loaded: bool = True) -> Iterator[Page]:
        """Yield a page that shows a cine, once its frames are loaded."""
        context = self.browser.new_context(viewport=VIEWPORT)
        page = context.new_page()
        page.on("pageerror", lambda error: print(error, file=sys.stderr))
        page.goto(f"{self.url}?cine={cine}{'&bare' if bare else ''}")
        page.wait_for_function("() => window.bench?.firstFrameMs")
        if loaded:
            page.wait_for_function(
                "() => { const { frames } = bench.editor; return frames.loadedCount >= frames.wantedCount }",
                timeout=120_000,
            )
            page.wait_for_timeout(1000)
        yield page
        context.close()

    def fps(self, cine: str, *, bare: bool = False) -> float:
        """Return frames a second that reach the canvas of a cine of 60 a second."""
        with self.page(cine, bare=bare) as page:
            return float(page.evaluate(f"bench.play({PLAY_SECONDS})"))

    def draw_ms(self, cine: str) -> float:
        """Return the milliseconds of script that drawing a frame takes while the cine plays."""
        with self.page(cine, bare=True) as page:
            page.evaluate("bench.play(2)")
            timing = page.evaluate("bench.editor.viewport.timing")
            return float(timing["totalMs"]) / float(timing["paints"])

    def first_frame_ms(self, cine: str, *, bare: bool = True) -> float:
        """Return the milliseconds from the start of the viewer, or of the whole room, to its first frame."""
        with self.page(cine, bare=bare, loaded=False) as page:
            return float(page.evaluate("bench.firstFrameMs"))

    def mask_ms(self, cine: str) -> NDArray[np.float64]:
        """Return the milliseconds from mask messages to their pixels."""
        with self.page(cine) as page:
            return np.array(page.evaluate(f"bench.masks({MASKS})"))

    def strokes(self, cine: str) -> NDArray[np.float64]:
        """Return (n, 2): milliseconds and refreshes of the screen from a move of the brush to its pixels."""
        with self.page(cine) as page:
            page.evaluate("bench.editor.set({ tool: 'brush', brushRadius: 12 })")
            handle = page.evaluate_handle("bench.watchStrokes()")
            page.mouse.move(400, 300)
            page.mouse.down()
            for step in range(STROKES):
                page.mouse.move(400 + 2 * step, 300 + 80 * np.sin(step / 9))
                page.wait_for_timeout(np.random.default_rng(step).uniform(1, 12))
            page.mouse.up()
            page.wait_for_timeout(200)
            return np.array(handle.json_value())


def main() -> int:
    """Measure and print the figure."""
    lack = machine.missing_browser()
    if lack:
        print(lack, file=sys.stderr)
        return 1
    for known in CINES.values():
        _ = known.bodies, known.masks
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        build(Path(name))
        browser = launch_chromium(playwright)
        with served(Path(name)) as url:
            bench = Bench(browser, url)
            openings = [
                [bench.first_frame_ms(cine, bare=bare) for cine in ("small", "long") for bare in (True, False)]
                for _ in range(OPENINGS)
            ]
            first, room, long, long_room = np.median(openings, axis=0)
            print(f"first frame of 100 and 1,000 frames: {first:.0f} and {long:.0f} ms", flush=True)
            print(f"the same with the whole room: {room:.0f} and {long_room:.0f} ms", flush=True)
            rates = {(cine, bare): bench.fps(cine, bare=bare) for cine in ("small", "large") for bare in (False, True)}
            drawing = {cine: bench.draw_ms(cine) for cine in ("small", "large")}
            for (cine, bare), rate in rates.items():
                print(f"{cine} {'the view alone' if bare else 'the whole room'}: {rate:.1f} frames/s", flush=True)
            masks, large_masks = bench.mask_ms("small"), bench.mask_ms("large")
            strokes = bench.strokes("large")
            megabytes = sweep_megabytes(url, "long")
        browser.close()
    for text, times in (("mask, 512", masks), ("mask, 1024", large_masks), ("stroke, 1024", strokes[:, 0])):
        print(f"{text}: median {np.median(times):.1f} ms, p95 {np.percentile(times, 95):.1f} ms")
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")
    print_figure(
        fps_512=round(rates["small", False], 1),
        fps_1024=round(rates["large", False], 1),
        first_frame_ms=round(float(first), 1),
        mask_p95_ms=round(float(np.percentile(masks, 95)), 1),
        brush_ms=round(float(np.percentile(strokes[:, 0], 95)), 1),
        renderer_mb_1000=round(megabytes),
        brush_refreshes=float(np.percentile(strokes[:, 1], 95)),
        first_frame_1000_ms=round(float(long), 1),
        room_first_frame_ms=round(float(room), 1),
        view_fps_512=round(rates["small", True], 1),
        view_fps_1024=round(rates["large", True], 1),
        draw_512_ms=round(drawing["small"], 2),
        draw_1024_ms=round(drawing["large"], 2),
        mask_1024_p95_ms=round(float(np.percentile(large_masks, 95)), 1),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
