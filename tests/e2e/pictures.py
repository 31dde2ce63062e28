"""The pictures of the reading room in docs/images, of a synthetic angiogram in a real Chromium: `make pictures`."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import BrowserContext, Page, sync_playwright
from scipy.ndimage import distance_transform_edt

from fixtures.dicom import write_cine_dicom
from fixtures.synthetic import SyntheticCine, generate_cine
from tests import machine
from tests.contract.stack import embedded_stack
from tests.e2e.conftest import ReadingRoom, launch_chromium, offline, open_import, sign_in, watched_context
from tests.e2e.test_tools import along, leaf_branch

IMAGES = machine.ROOT / "docs" / "images"
FRAMES, SIZE, SEED = 40, 512, 4
LABEL = "coronary_artery"
QUALITY = 82


def keep(page: Page, name: str) -> None:
    """Keep what a page shows."""
    page.wait_for_timeout(500)
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(IMAGES / f"{name}.webp", quality=QUALITY, method=6)
    print(name, flush=True)


def inside(cine: SyntheticCine, frame: int) -> tuple[float, float]:
    """Return a point of the left half of the tree, where it is widest."""
    depth = distance_transform_edt(cine.labels[LABEL][frame])
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return float(column) + 0.5, float(row) + 0.5


def take(page: Page, context: BrowserContext, cine: SyntheticCine, path: Path) -> None:
    """Read a cine, and keep a picture of each state on the way."""
    sign_in(page, "admin")
    room = open_import(page, path, FRAMES)
    room.take_over()
    frame = int(cine.labels[LABEL].sum((1, 2)).argmax())
    room.go_to(frame)
    page.mouse.move(*room.at(30, 480))
    keep(page, "reading-01-opened")

    room.click(*inside(cine, frame))
    room.wait_for(f"editor.document.mask(1, {frame}) !== undefined")
    room.wait_idle()
    keep(page, "reading-02-one-click")

    page.get_by_role("button", name="Propagate").click()
    room.wait_for(f"[...editor.document.entries()].length >= {FRAMES // 3}")
    keep(page, "reading-03-propagating")
    room.wait_idle()
    keep(page, "reading-04-propagated")

    branch = leaf_branch(cine, frame)
    room.go_to(frame)
    page.keyboard.press("2")
    page.keyboard.press("c")
    start, middle, end = along(branch, (0.05, 0.5, 0.95))
    room.click(*start)
    room.click(*middle)
    page.mouse.move(*room.at(*end))
    keep(page, "reading-05-centreline")
    page.keyboard.press("Escape")

    page.keyboard.press("1")
    page.keyboard.press("d")
    room.stroke(*along(branch, (0.1, 0.3, 0.5, 0.7, 0.9)))
    room.wait_saved()
    page.keyboard.press("Shift+N")
    page.get_by_test_id("second").wait_for()
    page.mouse.move(*room.at(30, 480))
    room.wait_idle()
    keep(page, "reading-06-model-against-reader")
    page.keyboard.press("Shift+N")

    page.keyboard.press("Shift+Z")
    keep(page, "reading-07-grow")
    page.keyboard.press("Escape")

    room.ask("editor.enhance.set({ maskFrame: null, mode: 'subtraction' })")
    room.wait_for("editor.enhance.state.progress === 1")
    page.keyboard.down("h")
    keep(page, "reading-08-subtraction")
    page.keyboard.up("h")
    room.ask("editor.enhance.set({ mode: 'none' })")

    page.keyboard.press("Control+k")
    page.keyboard.type("mask")
    keep(page, "reading-09-palette")
    page.keyboard.press("Escape")

    with offline(context):
        page.keyboard.press("d")
        room.stroke(*along(branch, (0.2, 0.4)))
        page.locator('[data-testid="saved"][data-state="offline"]').wait_for()
        keep(page, "reading-10-offline")
    room.wait_saved()

    other = context.new_page()
    other.goto(page.url)
    ReadingRoom(other).wait_ready()
    other.get_by_test_id("other-writer").wait_for()
    keep(other, "reading-11-second-tab")
    other.close()

    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    keep(page, "reading-12-keys")


def main() -> int:
    """Take all pictures anew."""
    lack = machine.missing_browser()
    if lack:
        print(lack, file=sys.stderr)
        return 1
    cine = generate_cine("xa", seed=SEED, frames=FRAMES, size=SIZE)
    with tempfile.TemporaryDirectory() as name, embedded_stack(Path(name)) as stack:
        path = Path(name) / "angiogram.dcm"
        path.write_bytes(write_cine_dicom(cine, patient_id="DEMO-PICTURES", compression="raw"))
        with sync_playwright() as playwright:
            browser = launch_chromium(playwright)
            with watched_context(browser, stack) as context:
                context.set_default_timeout(120_000)
                take(context.new_page(), context, cine, path)
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
