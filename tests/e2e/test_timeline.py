"""The timeline in a real Chromium, with the bundled model: range, labels, stop, resume, locks, drift, jumps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Locator, Page

from fixtures.dicom import write_cine_dicom
from fixtures.synthetic import SyntheticCine, generate_cine
from tests.e2e.conftest import ReadingRoom, drop_file, sign_in

Screenshot = Callable[[Page, str], None]
FRAMES, SIZE = 26, 160
LEFT, MYOCARDIUM = 1, 2
START, ACCEPTED, DRAWN = 12, 4, 18
LABELS = {LEFT: "left_ventricle", MYOCARDIUM: "myocardium"}


@pytest.fixture(scope="module")
def cine() -> SyntheticCine:
    """Return a small beating heart with its exact masks."""
    return generate_cine("us", seed=7, frames=FRAMES, size=SIZE)


@pytest.fixture
def room(context: BrowserContext, cine: SyntheticCine, tmp_path: Path) -> ReadingRoom:
    """Return the reading room with the small cine open, as a fresh import of its own."""
    page = context.new_page()
    page.set_viewport_size({"width": 1280, "height": 800})
    sign_in(page, "admin")
    page.get_by_role("combobox", name="Campaign").click()
    page.get_by_role("option", name="Echocardiography (demo)").click()
    page.get_by_role("heading", name="Worklist").wait_for()
    path = tmp_path / "heart.dcm"
    path.write_bytes(write_cine_dicom(cine, patient_id="E2E-TIME", compression="raw"))
    drop_file(page, path.name, path)
    page.get_by_test_id("import-result").wait_for()
    row = page.locator("tr[data-cine]").filter(has=page.get_by_role("cell", name=str(FRAMES), exact=True))
    row.get_by_role("button", name="Open").click()
    opened = ReadingRoom(page)
    opened.wait_ready()
    opened.take_over()
    return opened


def draw_truth(room: ReadingRoom, cine: SyntheticCine, frame: int, label: int, *, shift: int = 0) -> None:
    """Commit the true mask of a label on a frame as if it had been drawn by hand, moved by some pixels."""
    mask = np.roll(cine.labels[LABELS[label]][frame], (shift, shift), (0, 1))
    rows = "".join("1" if bit else "0" for bit in mask.ravel())
    room.go_to(frame)
    room.page.keyboard.press(str(label))
    room.page.evaluate(
        """(rows) => {
            const { editor } = window.__cineloop;
            const draft = editor.startDraft();
            draft.bitmap.set([...rows].map(Number));
            editor.commitDraft("brush");
        }""",
        rows,
    )
    room.wait_saved()


def data_of(masks: dict[str, dict[str, Any]], *frames: int) -> list[object]:
    """Return the pixels of some frames, as they are encoded."""
    return [masks[str(frame)]["data"] for frame in frames]


def provenances(room: ReadingRoom, label: int = LEFT) -> dict[int, object]:
    """Return {frame index: provenance} of a label."""
    return {int(frame): mask["provenance"] for frame, mask in room.masks(label).items()}


def drag_edge(page: Page, name: str, frame: int) -> None:
    """Drag an end of the range to the middle of a frame."""
    handle, track = page.get_by_role("slider", name=name), page.locator(".range-bar")
    at, along = handle.bounding_box(), track.bounding_box()
    assert at is not None
    assert along is not None
    page.mouse.move(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
    page.mouse.down()
    page.mouse.move(along["x"] + (frame + 0.5) * along["width"] / FRAMES, along["y"] + 8, steps=4)
    page.mouse.up()


def panel(page: Page) -> Locator:
    """Return the side panel."""
    return page.get_by_role("complementary", name="Masks")


def test_a_propagation_from_its_plan_to_its_resumption(
    room: ReadingRoom, cine: SyntheticCine, screenshot: Screenshot
) -> None:
    """It stays in its range and labels; stopped, it is resumed; nothing that a person answers for changes, ever."""
    page = room.page
    for frame in (ACCEPTED, DRAWN, START):
        draw_truth(room, cine, frame, LEFT)
    draw_truth(room, cine, START, MYOCARDIUM)
    room.go_to(ACCEPTED)
    page.keyboard.press("a")
    room.wait_saved()

    # Jumps between what is there, before anything else is.
    room.go_to(START)
    page.keyboard.press("1")
    for key, frame in (
        ("Control+ArrowRight", DRAWN),
        ("Control+ArrowRight", ACCEPTED),
        ("Control+ArrowLeft", DRAWN),
        ("Control+Shift+ArrowRight", DRAWN + 1),
        ("Control+Shift+ArrowLeft", DRAWN - 1),
    ):
        page.keyboard.press(key)
        room.wait_for(f"editor.state.frameIndex === {frame}", seconds=10)
    page.get_by_role("button", name="Step through: all frames").click()
    page.get_by_role("menuitem", name="Step through frames with a mask", exact=True).click()
    page.keyboard.press("ArrowRight")
    room.wait_for(f"editor.state.frameIndex === {DRAWN}", seconds=10)
    page.keyboard.press("ArrowRight")
    room.wait_for(f"editor.state.frameIndex === {ACCEPTED}", seconds=10)
    page.get_by_role("button", name="Step through: with a mask").click()
    page.get_by_role("menuitem", name="Step through all frames").click()

    # The range is bounded by what is locked for every label that is to be propagated.
    room.go_to(START)
    status = panel(page).get_by_role("status")
    status.get_by_text(f"frames {ACCEPTED + 2}–{FRAMES}, ").wait_for()
    page.get_by_role("checkbox", name="Myocardium").uncheck()
    status.get_by_text(f"frames {ACCEPTED + 2}–{DRAWN}, {DRAWN - ACCEPTED - 2} masks").wait_for()
    drag_edge(page, "First frame to propagate to", START - 2)
    drag_edge(page, "Last frame to propagate to", START + 3)
    status.get_by_text(f"frames {START - 1}–{START + 4}, 5 masks").wait_for()
    screenshot(page, "timeline-1-range")
    before = room.masks(LEFT)
    page.keyboard.press("Enter")
    room.wait_for("editor.state.jobs.size === 1")
    room.wait_idle()
    bounded = room.masks(LEFT)
    inside = {START - 2, START - 1, START + 1, START + 2, START + 3}
    assert set(provenances(room)) == inside | {ACCEPTED, START, DRAWN}
    assert all(provenances(room)[frame] == "PROPAGATED" for frame in inside)
    assert data_of(bounded, ACCEPTED, START, DRAWN) == data_of(before, ACCEPTED, START, DRAWN)
    assert set(provenances(room, MYOCARDIUM)) == {START}

    # Over the whole cine and both labels, with the keys; then stopped on the way.
    page.get_by_role("checkbox", name="Myocardium").check()
    for name, key in (("First", "Home"), ("Last", "End")):
        room.reach(page.get_by_role("slider", name=f"{name} frame to propagate to"))
        page.keyboard.press(key)
    status.get_by_text(f"frames 1–{FRAMES}, ").wait_for()
    page.get_by_role("button", name="Propagate").click()
    bracket = page.get_by_test_id("running-range")
    bracket.wait_for(state="attached")
    assert [bracket.get_attribute(f"data-{edge}") for edge in ("start", "stop")] == ["0", str(FRAMES - 1)]
    room.wait_for("[...editor.state.jobs.values()].some((job) => job.run_no === 2 && job.done >= 4)")
    screenshot(page, "timeline-2-running")
    page.get_by_role("button", name="Stop").click()
    room.wait_for("[...editor.state.jobs.values()].some((job) => job.run_no === 2 && job.status === 'CANCELLED')")
    room.wait_idle()
    room.ask("editor.reload()")
    stopped = {label: room.masks(label) for label in LABELS}
    assert len(stopped[LEFT]) + len(stopped[MYOCARDIUM]) < 2 * FRAMES, "it was stopped before its end"
    screenshot(page, "timeline-3-stopped")

    panel(page).get_by_role("button", name="Resume").first.click()
    room.wait_for("editor.state.jobs.size === 3")
    room.wait_idle()
    resumed = {label: room.masks(label) for label in LABELS}
    # What was accepted without a mask of a label stays without one.
    missing = [set(range(FRAMES)) - set(provenances(room, label)) for label in LABELS]
    assert missing == [set(), {ACCEPTED}]
    for label in LABELS:
        seq = room.ask("Math.max(...[...editor.state.jobs.values()].map((job) => job.event_seq))")
        brought = room.ask(
            f"[...editor.document.entries()].filter((one) => one.labelIndex === {label} && one.eventSeq === {seq})"
            ".map((one) => one.frameIndex)"
        )
        assert isinstance(brought, list)
        kept = [int(frame) for frame in stopped[label] if int(frame) not in brought]
        assert data_of(resumed[label], *kept) == data_of(stopped[label], *kept)
    assert data_of(resumed[LEFT], ACCEPTED, START, DRAWN) == data_of(before, ACCEPTED, START, DRAWN)
    assert provenances(room)[DRAWN] == "HUMAN"
    assert resumed[LEFT][str(ACCEPTED)]["accepted"] is True

    # The same in one go gives the same pixels: a resumption is no second-best.
    unscored = "[...editor.document.entries()].filter((one) => one.provenance === 'PROPAGATED' && one.score === null)"
    assert room.ask(f"{unscored}.length") == 0
    for _ in range(2):
        page.keyboard.press("Control+z")
        room.wait_saved()
    room.wait_for("[...editor.document.entries()].length === 9")
    room.go_to(START)
    page.get_by_role("button", name="Propagate").click()
    room.wait_for("editor.state.jobs.size === 4")
    room.wait_idle()
    for label in LABELS:
        assert room.masks(label) == resumed[label]
    panel(page).get_by_role("button", name="Runs (4)").click()
    runs = page.get_by_test_id("run")
    assert runs.count() == 4
    assert "undone" in runs.nth(1).inner_text()
    screenshot(page, "timeline-4-runs")
    panel(page).get_by_role("button", name="Runs (4)").click()


def test_a_mask_that_jumps_is_pointed_at(room: ReadingRoom, cine: SyntheticCine, screenshot: Screenshot) -> None:
    """A true heart is left in peace; a slip is listed, marked, and one click away."""
    page = room.page
    if not room.ask("[...editor.document.entries()].length"):
        draw_truth(room, cine, START, LEFT)
        page.get_by_role("button", name="Propagate").click()
        room.wait_for("editor.state.jobs.size === 1")
        room.wait_idle()
    slip = 8
    draw_truth(room, cine, slip, LEFT, shift=40)
    row = panel(page).get_by_role("button", name=f"frame {slip + 2}")
    row.first.wait_for()
    assert "jumps by" in row.first.inner_text()
    row.first.click()
    room.wait_for(f"editor.state.frameIndex === {slip + 1}", seconds=10)
    room.go_to(slip - 4)
    page.keyboard.press("PageDown")
    room.wait_for(f"editor.state.frameIndex === {slip - 1}", seconds=10)
    screenshot(page, "timeline-5-drift")
    page.keyboard.press("Control+z")
    room.wait_saved()
    row.first.wait_for(state="detached")

    # The pointer on the timeline tells what is there; the wheel zooms, a button shows the whole again.
    lanes = page.get_by_role("slider", name="Frame", exact=True)
    box = lanes.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + (START + 0.5) * box["width"] / FRAMES, box["y"] + 5)
    card = page.get_by_test_id("hover-card")
    card.get_by_text(f"Frame {START + 1}").wait_for()
    card.get_by_text("drawn").first.wait_for()
    screenshot(page, "timeline-6-hover")
    page.mouse.wheel(0, -600)
    page.get_by_role("button", name="Show the whole cine").wait_for()
    page.mouse.click(box["x"] + (START + 0.5) * box["width"] / FRAMES, box["y"] + 5)
    room.wait_for(f"editor.state.frameIndex === {START}", seconds=10)
    screenshot(page, "timeline-7-zoomed")
    page.get_by_role("button", name="Show the whole cine").click()
    room.go_to(0)

    # Four labels fit a small screen without scrolling.
    assert page.evaluate(
        "() => { const side = document.querySelector('.reading-side'); return side.scrollHeight <= side.clientHeight; }"
    )
