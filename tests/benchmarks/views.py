"""What the views for angiography cost in a real Chromium: `make bench-views`.

CineLoop runs as it is, with a synthetic angiogram of 100 frames; times are taken in the page, on loaded frames.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, ViewportSize, sync_playwright

from fixtures.dicom import write_cine_dicom
from fixtures.synthetic import generate_cine
from tests import machine
from tests.benchmarks.figure import print_figure
from tests.contract.stack import embedded_stack
from tests.e2e.conftest import launch_chromium, open_import, sign_in

FRAMES, SIZE = 100, 512
VIEWPORT: ViewportSize = {"width": 1440, "height": 900}

EACH_FRAME = """async (change) => {
    const { editor } = window.__cineloop;
    editor.enhance.set(change);
    while (editor.state.enhance.progress < 1) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    const times = [];
    for (let frame = 0; frame < editor.cine.frameCount; frame++) {
        const started = performance.now();
        editor.enhance.pixels(frame);
        times.push(performance.now() - started);
    }
    return times;
}"""
PROJECTION = """async () => {
    const { editor } = window.__cineloop;
    const started = performance.now();
    editor.enhance.set({ mode: "minimum" });
    while (editor.state.enhance.progress < 1) await new Promise((resolve) => setTimeout(resolve, 1));
    return performance.now() - started;
}"""
ALIGN = """async () => {
    const { editor } = window.__cineloop;
    const started = performance.now();
    await editor.enhance.align();
    return performance.now() - started;
}"""
SUGGESTION = """() => new Promise((resolve) => {
    const { editor } = window.__cineloop;
    const long = [0];
    new PerformanceObserver((list) => long.push(...list.getEntries().map(({ duration }) => duration)))
        .observe({ type: "longtask" });
    const started = performance.now();
    let isRunning = false;
    const forget = editor.store.subscribe(({ enhance }) => {
        isRunning ||= enhance.suggesting === "running";
        if (!isRunning || enhance.suggesting !== "done") return;
        forget();
        const took = performance.now() - started;
        setTimeout(() => resolve([took, Math.max(...long)]), 200);
    });
    editor.enhance.set({ bright: !editor.state.enhance.bright });
})"""


def open_cine(page: Page, folder: Path) -> None:
    """Import the benchmark's cine and open it."""
    path = folder / "bench.dcm"
    cine = generate_cine("xa", seed=215, frames=FRAMES, size=SIZE)
    path.write_bytes(write_cine_dicom(cine, patient_id="BENCH-VIEWS", compression="jpeg"))
    sign_in(page, "admin")
    room = open_import(page, path, FRAMES, seconds=120)
    room.wait_for("editor.state.enhance.suggesting === 'done'")


def main() -> int:
    """Measure and print the figure."""
    lack = machine.missing_browser()
    if lack:
        print(lack, file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        (Path(name) / "data").mkdir()
        with embedded_stack(Path(name) / "data") as stack:
            browser = launch_chromium(playwright)
            page = browser.new_context(viewport=VIEWPORT, base_url=stack.url).new_page()
            open_cine(page, Path(name))
            suggestion, longest = page.evaluate(SUGGESTION)
            projection = page.evaluate(PROJECTION)
            contrast = np.array(page.evaluate(EACH_FRAME, {"mode": "contrast"}))
            subtraction = np.array(page.evaluate(EACH_FRAME, {"mode": "subtraction", "maskFrame": 0, "maskCount": 4}))
            align = page.evaluate(ALIGN)
            browser.close()
    for text, times in (("subtraction", subtraction), ("local contrast", contrast)):
        low, middle, high = np.percentile(times, (10, 50, 95))
        print(f"{text}: median {middle:.2f} ms a frame, p10 {low:.2f} ms, p95 {high:.2f} ms")
    print(f"best filled of {FRAMES} frames: {suggestion:.0f} ms, longest task {longest:.0f} ms (0: none of 50 or more)")
    print(f"projection of {FRAMES} frames: {projection:.0f} ms; align: {align:.0f} ms")
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")
    print_figure(
        subtraction_ms=round(float(np.median(subtraction)), 2),
        subtraction_p10_ms=round(float(np.percentile(subtraction, 10)), 2),
        subtraction_p95_ms=round(float(np.percentile(subtraction, 95)), 2),
        contrast_ms=round(float(np.median(contrast)), 2),
        contrast_p10_ms=round(float(np.percentile(contrast, 10)), 2),
        contrast_p95_ms=round(float(np.percentile(contrast, 95)), 2),
        suggestion_ms=round(suggestion),
        suggestion_longest_task_ms=round(longest),
        projection_ms=round(projection),
        align_ms=round(align),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
