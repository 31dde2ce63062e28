"""The whole loop in a real Chromium: import, play, prompt, propagate, correct, submit, freeze, train, promote, read on.

Each step leaves a screenshot in artifacts/screens, to be looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from playwright.sync_api import BrowserContext, Page
from scipy.ndimage import distance_transform_edt, gaussian_filter

from fixtures.dicom import write_cine_dicom
from fixtures.synthetic import generate_cine
from tests import machine
from tests.e2e.conftest import ReadingRoom, drop_file, offline, sign_in

REAL_CINE = "dicom/XA_rubo_RCA_96f.dcm"
REAL_FRAME, REAL_VESSEL = 45, (119.0, 251.0)
TRAINING_SECONDS = 400

Screenshot = Callable[[Page, str], None]


def angiogram(tmp_path: Path) -> tuple[Path, int, tuple[float, float], int]:
    """Return a multi-frame XA file, a frame with contrast, a point on a vessel of it, and its number of frames."""
    shared = machine.shared_data()
    if shared is not None:
        path = shared / REAL_CINE
        pixels = pydicom.dcmread(path).pixel_array
        x, y = (int(value) for value in REAL_VESSEL)
        # The darkest place near the one that was chosen by eye: the middle of the vessel.
        window = gaussian_filter(pixels[REAL_FRAME].astype(float), 1.5)[y - 8 : y + 9, x - 8 : x + 9]
        dy, dx = np.unravel_index(int(np.argmin(window)), window.shape)
        return path, REAL_FRAME, (x - 8 + float(dx) + 0.5, y - 8 + float(dy) + 0.5), len(pixels)
    cine = generate_cine("xa", seed=4711, frames=40, size=512)
    vessels = cine.labels["coronary_artery"]
    frame = int(np.argmax(vessels.reshape(len(vessels), -1).sum(1)))
    row, column = np.unravel_index(int(np.argmax(distance_transform_edt(vessels[frame]))), vessels[frame].shape)
    path = tmp_path / "angiogram.dcm"
    path.write_bytes(write_cine_dicom(cine, patient_id="E2E-1", compression="jpeg"))
    return path, frame, (float(column) + 0.5, float(row) + 0.5), len(vessels)


def test_the_whole_loop(context: BrowserContext, screenshot: Screenshot, tmp_path: Path) -> None:
    """Take a cine all the way to a better model, and read the next one with it."""
    path, frame, vessel, count = angiogram(tmp_path)
    page = context.new_page()
    room = ReadingRoom(page)

    page.goto("/")
    page.get_by_role("button", name="Sign in").wait_for()
    screenshot(page, "01-sign-in")
    sign_in(page, "admin")
    screenshot(page, "02-worklist")

    # Import by dropping the file on the page.
    drop_file(page, path.name, path)
    result = page.get_by_test_id("import-result")
    result.get_by_text("1 imported").wait_for(timeout=60_000)
    row = page.locator("tr[data-cine]").filter(has=page.get_by_role("cell", name=str(count), exact=True))
    row.wait_for()
    screenshot(page, "03-imported")

    # Open and play at the native rate.
    row.get_by_role("button", name="Open").click()
    room.wait_ready()
    room.wait_for("editor.frames.loadedCount >= editor.frames.wantedCount")
    page.keyboard.press("Space")
    started, first = time.monotonic(), int(str(room.ask("editor.state.frameIndex")))
    page.wait_for_timeout(1000)
    shown = int(str(room.ask("editor.state.frameIndex")))
    played = time.monotonic() - started
    assert room.ask("editor.state.playing") is True
    expected = float(str(room.ask("editor.clock.rate"))) * played
    assert 0.5 * expected <= (shown - first) % count <= 1.5 * expected, "the cine plays at its own rate"
    screenshot(page, "04-playing")
    page.keyboard.press("Space")

    # One click on the vessel gives a mask that holds the clicked pixel.
    room.go_to(frame)
    room.click(*vessel)
    room.wait_for(f"editor.document.mask(1, {frame}) !== undefined")
    room.wait_idle()
    is_inside = room.ask(
        f"(() => {{ const m = editor.document.pixels(1, {frame}); const x = {int(vessel[0])} - m.x0;"
        f" const y = {int(vessel[1])} - m.y0; return x >= 0 && y >= 0 && x < m.width && y < m.height"
        " && m.bits[y * m.width + x] === 1; })()"
    )
    assert is_inside is True
    screenshot(page, "05-clicked")

    # Propagate both ways; the masks stream in.
    page.get_by_role("button", name="Propagate").click()
    room.wait_for("[...editor.document.entries()].length >= 6")
    screenshot(page, "06-propagating")
    room.wait_idle()
    before = room.masks()
    assert len(before) > 0.8 * count
    screenshot(page, "07-propagated")

    # Correct another frame by brush; a reload loses nothing that was shown as saved.
    corrected = min(frame + 6, count - 1)
    room.go_to(corrected)
    page.keyboard.press("d")
    x, y = vessel
    room.stroke((x, y), (x - 3, y - 20), (x + 2, y - 40))
    room.wait_saved()
    assert room.masks()[str(corrected)]["provenance"] == "HUMAN"
    drawn = room.masks()[str(corrected)]["data"]
    page.reload()
    room.wait_ready()
    assert room.masks()[str(corrected)]["data"] == drawn
    room.go_to(corrected)
    screenshot(page, "08-corrected")

    # Undo and redo.
    page.keyboard.press("Control+z")
    room.wait_for(f"editor.document.mask(1, {corrected})?.provenance === 'PROPAGATED'")
    page.keyboard.press("Control+y")
    room.wait_for(f"editor.document.mask(1, {corrected})?.provenance === 'HUMAN'")
    room.wait_saved()

    # Propagate again from the corrected frame; the correction stands.
    page.keyboard.press("Enter")
    room.wait_for("[...editor.state.jobs.values()].filter((job) => job.kind === 'PROPAGATE').length === 2")
    room.wait_idle()
    after = room.masks()
    assert after[str(corrected)]["data"] == drawn
    assert any(after[key]["data"] != before[key]["data"] for key in before if key != str(corrected))
    screenshot(page, "09-propagated-again")

    # Accept and submit.
    page.get_by_role("button", name="Accept all frames").click()
    room.wait_for("[...editor.document.entries()].every((mask) => mask.accepted)")
    room.wait_saved()
    page.get_by_role("button", name="Submit reading").click()
    screenshot(page, "10-submit")
    page.get_by_role("dialog").get_by_role("button", name="Submit").click()
    page.get_by_role("button", name="Reopen").wait_for()
    screenshot(page, "11-submitted")

    # Freeze a version.
    page.get_by_role("link", name="Back to the worklist").click()
    page.get_by_role("link", name="Datasets").click()
    page.get_by_role("button", name="Freeze version").click()
    page.locator('tr[data-version="1"]').get_by_text("Frozen").wait_for()
    screenshot(page, "12-frozen")

    # Train, watch, compare, promote.
    page.get_by_role("link", name="Models").click()
    page.get_by_role("button", name="Start training").click()
    page.wait_for_selector('[data-testid="training-run"][data-status="RUNNING"] .uplot', timeout=120_000)
    screenshot(page, "13-training")
    page.wait_for_selector('[data-testid="training-run"][data-status="SUCCEEDED"]', timeout=TRAINING_SECONDS * 1000)
    page.get_by_role("button", name="Promote").wait_for()
    screenshot(page, "14-compared")
    page.get_by_role("button", name="Promote").click()
    page.locator('tr[data-model="1"]').get_by_text("In use").wait_for()
    screenshot(page, "15-promoted")

    # The next reading starts from the new model.
    page.get_by_role("link", name="Worklist").click()
    page.get_by_role("button", name="Read next").click()
    room.wait_ready()
    page.get_by_test_id("model").get_by_text("model #1").wait_for()
    screenshot(page, "16-next-cine")

    # And rolling back is one click.
    page.get_by_role("link", name="Back to the worklist").click()
    page.get_by_role("link", name="Models").click()
    page.get_by_role("button", name="Roll back").click()
    page.locator('tr[data-model="0"]').get_by_text("In use").wait_for()


def test_work_done_without_a_network_is_kept_and_sent_later(context: BrowserContext, screenshot: Screenshot) -> None:
    """What is drawn offline is said to be unsaved, is kept in the browser, and arrives once the network is back."""
    page = context.new_page()
    room = ReadingRoom(page)
    sign_in(page, "reader1")
    page.get_by_role("button", name="Read next").click()
    room.wait_ready()
    page.keyboard.press("d")
    with offline(context):
        room.stroke((100, 100), (120, 120))
        page.wait_for_selector('[data-testid="saved"][data-state="offline"]')
        screenshot(page, "20-offline")
    room.wait_saved()
    drawn = room.masks()["0"]["data"]
    page.reload()
    room.wait_ready()
    assert room.masks()["0"]["data"] == drawn


def test_two_tabs_on_one_reading_lose_nothing(context: BrowserContext) -> None:
    """The second takes over and builds on what the first has written, and both end with the same masks."""
    first, second = context.new_page(), context.new_page()
    rooms = ReadingRoom(first), ReadingRoom(second)
    sign_in(first, "reader2")
    first.get_by_role("combobox", name="Campaign").click()
    first.get_by_role("option", name="Echocardiography (demo)").click()
    first.get_by_role("heading", name="Worklist").wait_for()
    first.locator("tr[data-cine]").first.get_by_role("button", name="Open").click()
    rooms[0].wait_ready()
    second.goto(first.url)
    rooms[1].wait_ready()
    first.get_by_text("2 tabs").wait_for()
    for number, (page, room) in enumerate(zip((first, second), rooms, strict=True)):
        page.bring_to_front()
        if number:
            page.get_by_role("button", name="Take over").click()
            room.wait_for("editor.state.canWrite")
        room.go_to(number)
        page.keyboard.press("d")
        room.stroke((90 + 30 * number, 90), (110, 130))
        room.wait_saved()
    for room in rooms:
        room.wait_for("[...editor.document.entries()].length === 2")
    assert rooms[0].masks() == rooms[1].masks()
