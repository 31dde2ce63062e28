"""Views for angiography in a real Chromium: what they show, and that they change nothing that is kept."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, Request

from fixtures.dicom import write_cine_dicom
from fixtures.synthetic import SyntheticCine, generate_cine
from tests.contract.stack import Stack
from tests.e2e.conftest import ReadingRoom, open_import, sign_in, watched_context

Screenshot = Callable[[Page, str], None]
Picture = NDArray[np.uint8]

FRAMES, SIDE = 26, 256

READ_CANVAS = """() => new Promise((resolve) => {
    window.__cineloop.view.schedule();
    requestAnimationFrame(() => {
        const source = document.querySelector(".cine-image");
        const copy = document.createElement("canvas");
        [copy.width, copy.height] = [source.width, source.height];
        const context = copy.getContext("2d");
        context.drawImage(source, 0, 0);
        const { data } = context.getImageData(0, 0, copy.width, copy.height);
        let text = "";
        for (let place = 0; place < data.length; place += 4) text += String.fromCharCode(data[place]);
        resolve(btoa(text));
    });
})"""


@pytest.fixture(scope="module")
def cine() -> SyntheticCine:
    """Return an angiogram that begins nearly empty and fills."""
    return generate_cine("xa", seed=215, frames=FRAMES, size=SIDE)


@pytest.fixture(scope="module")
def page(
    browser: Browser, stack: Stack, cine: SyntheticCine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    """Return the reading of that angiogram, with the panel of views open."""
    path = Path(tmp_path_factory.mktemp("enhance")) / "filling.dcm"
    path.write_bytes(write_cine_dicom(cine, patient_id="E2E-ENHANCE", compression="raw"))
    with watched_context(browser, stack) as context:
        made = context.new_page()
        sign_in(made, "admin")
        open_import(made, path, FRAMES)
        made.get_by_role("button", name="Angiography").click()
        made.get_by_role("button", name="Subtract", exact=True).wait_for()
        yield made


@pytest.fixture
def room(page: Page) -> Iterator[ReadingRoom]:
    """Return the reading with the original picture of its first frame; it is left the same way."""
    room = ReadingRoom(page)
    original = "editor.enhance.set({ mode: 'none', shift: [0, 0], range: null, maskCount: 1 })"
    room.ask(original)
    room.go_to(0)
    yield room
    room.ask(original)


def shown(room: ReadingRoom) -> Picture:
    """Return the grey values on the canvas, shape (rows, columns)."""
    data = base64.b64decode(room.page.evaluate(READ_CANVAS))
    return np.frombuffer(data, np.uint8).reshape(SIDE, SIDE)


def choose(room: ReadingRoom, view: str) -> None:
    """Turn a view on in the panel and wait for it."""
    room.page.get_by_role("button", name=view, exact=True).click()
    room.wait_for("editor.enhance.state.progress === 1 && editor.enhance.state.mode !== 'none'")


def plate(room: ReadingRoom) -> str:
    """Return what the picture says about itself."""
    return room.page.get_by_test_id("view-plate").inner_text()


def test_subtraction_of_a_frame_from_itself_is_flat_mid_grey(room: ReadingRoom, screenshot: Screenshot) -> None:
    """Where nothing differs there is nothing but mid-grey; elsewhere the vessels are dark on it."""
    room.ask("editor.enhance.set({ maskFrame: 0 })")
    choose(room, "Subtract")
    assert set(np.unique(shown(room))) == {128}
    assert plate(room) == "Subtraction of frame 1 · view only"
    room.go_to(14)
    assert shown(room).min() < 60
    screenshot(room.page, "enhance-subtraction")
    room.page.get_by_role("button", name="Use this frame").click()
    room.wait_for("editor.enhance.state.progress === 1")
    assert set(np.unique(shown(room))) == {128}
    assert plate(room) == "Subtraction of frame 15 · view only"


def test_vessels_stand_out_of_what_is_subtracted(room: ReadingRoom, cine: SyntheticCine) -> None:
    """On ground that is neither vessel the difference is near mid-grey, on vessels far below."""
    room.ask("editor.enhance.set({ maskFrame: 0 })")
    choose(room, "Subtract")
    room.go_to(16)
    picture = shown(room).astype(float)
    vessels = cine.labels["coronary_artery"][16] & ~cine.labels["coronary_artery"][0]
    ground = ~cine.labels["coronary_artery"].any(0) & ~cine.labels["catheter"].any(0)
    assert abs(np.median(picture[ground]) - 128) < 12
    assert np.median(picture[vessels]) < np.median(picture[ground]) - 20


def test_the_mask_is_shifted_by_keys_and_aligned(room: ReadingRoom) -> None:
    """Arrow keys move the mask while its arrows have the focus, and not the frame; Align brings it back."""
    page = room.page
    room.ask("editor.enhance.set({ maskFrame: 0 })")
    choose(room, "Subtract")
    room.reach(page.get_by_role("button", name="Shift right"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    assert page.get_by_test_id("mask-shift").inner_text() == "+0.25, +1 px"
    assert room.ask("editor.state.frameIndex") == 0
    assert len(np.unique(shown(room))) > 10
    page.get_by_role("button", name="Align").click()
    room.wait_for("editor.enhance.state.shift.every((pixels) => pixels === 0)")
    assert set(np.unique(shown(room))) == {128}


def test_the_projection_keeps_the_darkest_of_each_pixel(
    room: ReadingRoom, cine: SyntheticCine, screenshot: Screenshot
) -> None:
    """All vessels that ever fill are seen at once, on any frame; a range of frames shows its own."""
    choose(room, "Project")
    picture = shown(room)
    np.testing.assert_array_equal(picture, cine.frames.min(0))
    ever = cine.labels["coronary_artery"].any(0) & ~cine.labels["coronary_artery"][0]
    assert picture[ever].mean() < cine.frames[0][ever].mean() - 15
    screenshot(room.page, "enhance-projection")
    room.go_to(5)
    room.page.get_by_role("button", name="To here").click()
    room.wait_for("editor.enhance.state.progress === 1")
    np.testing.assert_array_equal(shown(room), cine.frames[:6].min(0))
    assert plate(room) == "Projection of frames 1 to 6 · view only"


def test_local_contrast_raises_vessels(room: ReadingRoom, cine: SyntheticCine, screenshot: Screenshot) -> None:
    """Vessels differ more from what is around them than in the original."""
    room.go_to(16)
    before = shown(room).astype(float)
    np.testing.assert_array_equal(before, cine.frames[16])
    choose(room, "Contrast")
    after = shown(room).astype(float)
    vessels = cine.labels["coronary_artery"][16]
    around = ~vessels & (
        np.abs(np.gradient(vessels.astype(float))[0]) + np.abs(np.gradient(vessels.astype(float))[1]) > 0
    )
    assert after[around].mean() - after[vessels].mean() > 1.3 * (before[around].mean() - before[vessels].mean())
    screenshot(room.page, "enhance-contrast")
    room.page.keyboard.press("m")
    room.wait_for("editor.enhance.state.mode === 'minimum'")
    room.page.keyboard.press("m")
    room.wait_for("editor.enhance.state.mode === 'none'")
    np.testing.assert_array_equal(shown(room), cine.frames[16])
    assert room.page.get_by_test_id("view-plate").count() == 0


def test_the_strip_offers_well_filled_frames(room: ReadingRoom, cine: SyntheticCine, screenshot: Screenshot) -> None:
    """The first frames of the strip are nearly as full as any, and a click goes there."""
    room.wait_for("editor.enhance.state.suggesting === 'done'")
    names = [str(button.get_attribute("aria-label")) for button in room.page.locator(".suggestion").all()]
    frames = [int(name.split(",")[0].removeprefix("Frame ")) - 1 for name in names]
    areas = cine.labels["coronary_artery"].reshape(FRAMES, -1).sum(1)
    assert len(frames) >= 4
    assert min(areas[frame] for frame in frames[:3]) > 0.9 * areas.max()
    screenshot(room.page, "enhance-strip")
    room.page.locator(".suggestion").first.click()
    room.wait_for(f"editor.state.frameIndex === {frames[0]}")
    # The subtraction takes an empty frame by itself.
    room.ask("editor.enhance.set({ mode: 'subtraction', maskFrame: null })")
    room.wait_for("editor.enhance.state.mode === 'subtraction'")
    chosen = int(str(room.ask("editor.enhance.state.maskFrame")))
    assert areas[chosen] < 0.35 * areas.max()


def test_views_change_no_mask_and_send_nothing(room: ReadingRoom) -> None:
    """Masks stay as they are drawn, on any view, and no view leaves the browser."""
    page = room.page
    room.go_to(12)
    page.keyboard.press("d")
    room.stroke((60, 60), (90, 80), (120, 140))
    room.wait_saved()
    before = room.masks()
    assert before["12"]["provenance"] == "HUMAN"
    written: list[str] = []

    def note(request: Request) -> None:
        if request.method != "GET":
            written.append(f"{request.method} {request.url}")

    page.on("request", note)
    for view in ("Subtract", "Project", "Contrast", "Original"):
        page.get_by_role("button", name=view, exact=True).click()
        room.wait_for("editor.enhance.state.progress === 1")
        shown(room)
    page.wait_for_timeout(500)
    assert written == []
    assert room.masks() == before
    page.remove_listener("request", note)

    # The same stroke on a view gives the same mask, pixel for pixel.
    page.keyboard.press("Control+z")
    room.wait_for("editor.document.mask(1, 12) === undefined")
    room.wait_saved()
    choose(room, "Subtract")
    page.keyboard.press("d")
    room.stroke((60, 60), (90, 80), (120, 140))
    room.wait_saved()
    assert room.masks()["12"]["data"] == before["12"]["data"]
