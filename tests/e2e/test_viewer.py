"""What the reader sees in a real Chromium: turned and mirrored images, windows, plates, playing, two panes."""

from __future__ import annotations

import dataclasses
import io
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page

from fixtures.dicom import write_cine_dicom
from fixtures.synthetic import generate_cine
from tests.e2e.conftest import ReadingRoom, drop_file, sign_in

ROWS, COLUMNS, FRAMES = 192, 256, 12
Screenshot = Callable[[Page, str], None]

ON_SCREEN = """([x, y]) => {
    const image = document.querySelector('[data-testid="stage"] .cine-image');
    const box = image.parentElement.getBoundingClientRect();
    const place = new DOMMatrix(getComputedStyle(image).transform).transformPoint({ x, y });
    return [box.left + place.x, box.top + place.y];
}"""
"""Where an image point lies on the page, as the browser itself draws the canvas."""

CANVAS = """([pane, x, y]) => {
    const image = document.querySelector(`[data-testid="${pane}"] .cine-image`);
    return [...image.getContext('2d').getImageData(x, y, 1, 1).data.slice(0, 3)];
}"""


@pytest.fixture(scope="module")
def cine_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an angiogram that is wider than high."""
    cine = generate_cine("xa", seed=11, frames=FRAMES, size=COLUMNS)
    cine = dataclasses.replace(cine, frames=cine.frames[:, :ROWS].copy())
    path = tmp_path_factory.mktemp("viewer") / "viewer.dcm"
    path.write_bytes(write_cine_dicom(cine, patient_id="VIEW-1", compression="raw"))
    return path


@pytest.fixture
def room(context: BrowserContext, cine_path: Path) -> ReadingRoom:
    """Return the reading of that cine, with the masks that earlier tests drew."""
    page = context.new_page()
    sign_in(page, "admin")
    row = page.locator("tr[data-cine]").filter(has=page.get_by_role("cell", name=str(FRAMES), exact=True))
    if not row.count():
        drop_file(page, cine_path.name, cine_path)
        page.get_by_test_id("import-result").get_by_text("1 imported").wait_for(timeout=60_000)
    row.get_by_role("button").filter(has_text="Open").or_(row.get_by_role("button").filter(has_text="Continue")).click()
    made = ReadingRoom(page)
    made.wait_ready()
    made.take_over()
    made.wait_for("editor.frames.loadedCount >= editor.frames.wantedCount")
    return made


def on_screen(page: Page, x: float, y: float) -> tuple[float, float]:
    """Return where on the page the browser draws an image point."""
    left, top = page.evaluate(ON_SCREEN, [x, y])
    return left, top


def colour_at(page: Page, left: float, top: float) -> tuple[int, ...]:
    """Return the colour of a pixel of the screen."""
    clip = {"x": left - 0.5, "y": top - 0.5, "width": 1, "height": 1}
    image = Image.open(io.BytesIO(page.screenshot(clip=clip)))  # type: ignore[arg-type]
    pixel = image.convert("RGB").getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return tuple(int(value) for value in pixel)


@pytest.mark.parametrize(
    ("keys", "frame", "corner"),
    [
        ([], 0, ("left", "top")),
        (["Shift+H"], 1, ("right", "top")),
        (["v"], 2, ("left", "bottom")),
        (["Shift+R"], 3, ("right", "top")),
        (["Shift+R", "Shift+H"], 4, ("left", "top")),
        (["Shift+R", "Shift+R", "v"], 5, ("right", "top")),
    ],
)
def test_what_is_drawn_on_a_turned_image_lies_where_the_pointer_was(
    room: ReadingRoom, screenshot: Screenshot, keys: list[str], frame: int, corner: tuple[str, str]
) -> None:
    """The mask holds the image pixel under the pointer, and is seen there."""
    page = room.page
    room.go_to(frame)
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_timeout(100)
    box = page.get_by_test_id("stage").bounding_box()
    assert box is not None
    left, top = on_screen(page, 0, 0)
    seen = (
        "left" if left < box["x"] + box["width"] / 2 else "right",
        "top" if top < box["y"] + box["height"] / 2 else "bottom",
    )
    assert seen == corner
    x, y = 60.5, 44.5
    place = on_screen(page, x, y)
    page.keyboard.press("d")
    page.mouse.move(*place)
    page.mouse.down()
    page.mouse.up()
    room.wait_saved()
    centre = room.ask(
        f"(({{ x0, y0, width, height }}) => [x0 + width / 2, y0 + height / 2])(editor.document.pixels(1, {frame}))"
    )
    assert centre == [pytest.approx(x, abs=0.6), pytest.approx(y, abs=0.6)]
    page.mouse.move(box["x"] + 3, box["y"] + box["height"] - 3)
    page.keyboard.press("g")
    page.wait_for_timeout(100)
    red, green, blue = colour_at(page, *place)
    assert max(red, green, blue) - min(red, green, blue) > 30, "the mask's colour is on the screen where it was drawn"
    screenshot(page, f"viewer-turned-{frame}")


def test_windows_change_the_pixels(room: ReadingRoom, screenshot: Screenshot) -> None:
    """Every preset shows a pixel as its window says, and so does dragging."""
    page = room.page
    room.go_to(8)
    x, y = 100, 90

    def check() -> tuple[str, int]:
        page.wait_for_timeout(80)
        low, high = (float(str(room.ask(f"editor.state.window[{end}]"))) for end in (0, 1))
        value = int(str(room.ask(f"editor.frames.get(8)[{y} * editor.cine.columns + {x}]")))
        expected = round(min(max((value - low) / (high - low), 0), 1) * 255)
        shown = page.evaluate(CANVAS, ["stage", x, y])
        assert shown == [pytest.approx(expected, abs=1)] * 3
        return str(room.ask("editor.state.preset")), shown[0]

    seen = dict([check()])
    for _ in range(3):
        page.keyboard.press("Shift+L")
        seen.update([check()])
    assert set(seen) == {"own", "full", "narrow", "auto"}
    assert seen["auto"] != seen["full"]
    page.get_by_test_id("look").get_by_text("Auto").wait_for()
    screenshot(page, "viewer-auto-window")
    page.keyboard.press("w")
    room.stroke((100, 90), (130, 70))
    name, dragged = check()
    assert name == ""
    assert dragged != seen["auto"]
    page.keyboard.press("i")
    page.wait_for_timeout(80)
    assert page.evaluate(CANVAS, ["stage", x, y])[0] == pytest.approx(255 - dragged, abs=1)
    page.keyboard.press("r")
    assert check() == ("own", seen["own"])


def test_one_key_hides_all_plates_and_no_length_is_shown_for_an_angiogram(room: ReadingRoom) -> None:
    """The spacing of an angiogram is at the detector."""
    page = room.page
    plates = page.locator(".plate")
    page.get_by_text("detector plane, no scale").wait_for()
    assert page.get_by_test_id("scale-bar").count() == 0
    assert not any("mm" in text or " cm" in text for text in plates.all_inner_texts())
    page.keyboard.press("Shift+P")
    page.wait_for_function("() => document.querySelectorAll('.plate').length === 0")
    page.wait_for_timeout(100)
    place = on_screen(page, 12, 12)
    bare = colour_at(page, *place)
    page.keyboard.press("Shift+P")
    page.get_by_text("detector plane, no scale").wait_for()
    assert colour_at(page, *place) != bare, "plates lie over the image"


def test_playing_follows_the_clock_at_every_speed_and_stays_in_its_loop(room: ReadingRoom) -> None:
    """Time is the page's own, moved on by the test, so that a slow machine changes nothing."""
    page = room.page
    page.clock.install()
    room.ask("editor.goTo(0)")
    frame_ms = float(str(room.ask("editor.clock.timeOf(1)")))

    def frames_in(milliseconds: int) -> list[int]:
        room.ask(
            "(window.__seen = [], window.__forget?.(), window.__forget = editor.store.subscribe((now, before) =>"
            " now.frameIndex !== before.frameIndex && window.__seen.push(now.frameIndex)))"
        )
        page.keyboard.press("Space")
        page.clock.run_for(milliseconds)
        page.keyboard.press("Space")
        return [int(frame) for frame in page.evaluate("window.__seen")]

    for presses, speed in ((0, 1.0), (2, 2.0), (2, 4.0)):
        for _ in range(presses):
            page.keyboard.press(".")
        assert room.ask("editor.state.speed") == speed
        room.ask("editor.goTo(0)")
        seen = frames_in(int(3 * frame_ms))
        assert abs(len(seen) - 3 * speed) <= 1
        assert seen == [(place + 1) % FRAMES for place in range(len(seen))]
    for _ in range(4):
        page.keyboard.press(",")
    room.ask("editor.goTo(3)")
    page.keyboard.press("l")
    room.ask("editor.goTo(6)")
    page.keyboard.press("l")
    assert room.ask("editor.state.loop") == {"start": 3, "stop": 6}
    seen = frames_in(int(9 * frame_ms))
    assert seen[:7] == [3, 4, 5, 6, 3, 4, 5]
    page.keyboard.press("k")
    seen = frames_in(int(12 * frame_ms))
    assert set(seen) == {3, 4, 5, 6}
    assert all(abs(after - before) == 1 for before, after in itertools.pairwise(seen))


def test_two_panes_show_two_frames_held_alike(room: ReadingRoom, screenshot: Screenshot) -> None:
    """The kept frame stays while the reader moves on, turns and zooms."""
    page = room.page
    room.go_to(9)
    x, y = 120, 80
    kept = page.evaluate(CANVAS, ["stage", x, y])
    page.keyboard.press("Shift+V")
    page.wait_for_function("() => document.querySelector('[data-testid=second]')?.dataset.frame === '10'")
    assert page.evaluate(CANVAS, ["second", x, y]) == kept
    room.go_to(2)
    page.keyboard.press("Shift+R")
    stage = page.get_by_test_id("stage").bounding_box()
    assert stage is not None
    page.mouse.move(stage["x"] + 200, stage["y"] + 200)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    page.wait_for_timeout(200)
    assert page.evaluate(CANVAS, ["second", x, y]) == kept
    matrices = page.evaluate(
        """() => ["stage", "second"].map((pane) => new DOMMatrix(getComputedStyle(
            document.querySelector(`[data-testid="${pane}"] .cine-image`)).transform))
            .map(({ a, b, c, d, e, f }) => [a, b, c, d, e, f])"""
    )
    assert matrices[0] == pytest.approx(matrices[1], abs=1.5)
    assert matrices[0][0] == pytest.approx(0, abs=1e-6)
    screenshot(page, "viewer-two-panes")
    page.keyboard.press("Shift+V")
    page.wait_for_function("() => !document.querySelector('[data-testid=second]')")
