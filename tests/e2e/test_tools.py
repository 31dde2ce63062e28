"""Every tool and every action on masks in a real Chromium, judged by the pixels of the masks that they leave."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page
from scipy.ndimage import binary_dilation, binary_fill_holes, distance_transform_edt, label

from fixtures.dicom import write_cine_dicom
from fixtures.synthetic import SyntheticCine, generate_cine
from tests.contract.stack import Stack
from tests.e2e.conftest import VIEWPORT, ReadingRoom, open_import, sign_in, watched_context

FRAMES, SIZE = 16, 512
ARTERY, CATHETER = 1, 2

Bitmap = NDArray[np.bool_]
Screenshot = Callable[[Page, str], None]


@dataclass
class Bench:
    """An open reading of a synthetic angiogram, with its truth."""

    page: Page
    room: ReadingRoom
    cine: SyntheticCine

    def start(self, frame: int, tool: str = "") -> None:
        """Go to a frame without masks, with the first label and a tool chosen by its key."""
        self.page.keyboard.press("Escape")
        self.room.go_to(frame)
        self.page.keyboard.press("1")
        if tool:
            self.page.keyboard.press(tool)
        for index in (ARTERY, CATHETER):
            assert not self.mask(frame, index).any()

    def mask(self, frame: int, index: int = ARTERY) -> Bitmap:
        """Return the mask of a label on a frame, shape (rows, columns)."""
        found = self.room.ask(
            f"(() => {{ const m = editor.document.pixels({index}, {frame});"
            " return m ? { x0: m.x0, y0: m.y0, width: m.width, height: m.height, bits: [...m.bits].join('') }"
            " : null; })()"
        )
        mask = np.zeros((SIZE, SIZE), bool)
        if isinstance(found, dict):
            bits = np.frombuffer(found["bits"].encode(), np.uint8) == ord("1")
            x0, y0, width, height = (int(found[name]) for name in ("x0", "y0", "width", "height"))
            mask[y0 : y0 + height, x0 : x0 + width] = bits.reshape(height, width)
        return mask

    def put(self, mask: Bitmap, frame: int, index: int = ARTERY) -> None:
        """Commit a mask as a hand would have drawn it."""
        self.page.evaluate(
            "([bits, frameIndex, labelIndex]) => window.__cineloop.editor.commitMasks("
            "[{ labelIndex, frameIndex, bitmap: Uint8Array.from(bits) }], 'test')",
            ["".join("1" if bit else "0" for bit in mask.ravel()), frame, index],
        )
        self.room.wait_saved()
        assert (self.mask(frame, index) == mask).all()

    def menu(self, item: str) -> None:
        """Choose an action from the menu of masks."""
        self.page.get_by_role("button", name="Work on the mask").click()
        self.page.get_by_role("menuitem", name=item).click()

    def notice(self) -> str:
        """Return the code of the last notice."""
        return str(self.room.ask("editor.state.notice?.code ?? ''"))

    def revision(self) -> int:
        """Return the revision once everything is saved: one more for each event."""
        self.room.wait_saved()
        return int(str(self.room.ask("editor.document.revision")))

    def undone(self, *keys: str) -> None:
        """Undo the last event."""
        before = self.revision()
        self.page.keyboard.press("Control+z")
        self.room.wait_for(f"editor.document.revision > {before} && editor.state.save === 'saved'")


@pytest.fixture(scope="module")
def bench(browser: Browser, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Import a synthetic angiogram and open it; an error on the page fails the tests."""
    cine = generate_cine("xa", seed=4711, frames=FRAMES, size=SIZE)
    path = tmp_path_factory.mktemp("tools") / "tools.dcm"
    path.write_bytes(write_cine_dicom(cine, patient_id="TOOLS-1", compression="rle"))
    with watched_context(browser, stack) as context:
        page = context.new_page()
        sign_in(page, "admin")
        yield Bench(page, open_import(page, path, FRAMES), cine)


def iou(a: Bitmap, b: Bitmap) -> float:
    """Return the intersection over the union of two masks."""
    return float((a & b).sum() / max((a | b).sum(), 1))


def rectangle(x0: int, y0: int, x1: int, y1: int) -> Bitmap:
    """Return the mask of columns x0 to x1 and rows y0 to y1, the last ones excluded."""
    mask = np.zeros((SIZE, SIZE), bool)
    mask[y0:y1, x0:x1] = True
    return mask


def along(mask: Bitmap, shares: tuple[float, ...]) -> list[tuple[float, float]]:
    """Return image points in the middle of a tube-like mask, at shares of the way along it."""
    places = {(int(row), int(column)) for row, column in zip(*np.nonzero(mask), strict=True)}

    def steps_from(start: tuple[int, int]) -> dict[tuple[int, int], int]:
        steps, queue = {start: 0}, deque([start])
        while queue:
            row, column = queue.popleft()
            for dy in (-1, 0, 1):
                for dx in (-1, 0, 1):
                    place = (row + dy, column + dx)
                    if place in places and place not in steps:
                        steps[place] = steps[row, column] + 1
                        queue.append(place)
        return steps

    first = steps_from(next(iter(sorted(places))))
    steps = steps_from(max(first, key=lambda place: first[place]))
    depth = distance_transform_edt(mask)
    longest = max(steps.values())
    points = []
    for share in shares:
        level = [place for place, step in steps.items() if step == round(share * longest)]
        row, column = max(level, key=lambda place: depth[place])
        points.append((column + 0.5, row + 0.5))
    return points


def leaf_branch(cine: SyntheticCine, frame: int) -> Bitmap:
    """Return the largest branch of a frame that nothing grows from, in one piece."""
    branches = [mask[frame] for name, mask in cine.labels.items() if name.startswith("branch_")]
    leaves = [
        mask
        for mask in branches
        if mask.sum() > 300
        and label(mask, np.ones((3, 3)))[1] == 1
        and not any(other.sum() < mask.sum() and (other & mask).sum() > 0.9 * other.sum() > 0 for other in branches)
    ]
    return max(leaves, key=lambda mask: int(mask.sum()))


def test_relabel(bench: Bench, screenshot: Screenshot) -> None:
    """The panel of labels gives the masks of all frames to another label in one step; the menu of the image one."""
    bench.start(0)
    page, room = bench.page, bench.room
    shapes = {0: rectangle(40, 40, 60, 60), 3: rectangle(80, 40, 90, 60)}
    for frame, mask in shapes.items():
        bench.put(mask, frame)
    before = bench.revision()
    page.get_by_role("button", name="Give the mask of").click()
    screenshot(page, "tools-relabel")
    page.get_by_role("menuitem", name="all frames").first.click()
    assert bench.revision() == before + 1
    for frame, mask in shapes.items():
        assert (bench.mask(frame, CATHETER) == mask).all()
        assert not bench.mask(frame).any()
    bench.undone()
    assert (bench.mask(3) == shapes[3]).all()
    assert not bench.mask(3, CATHETER).any()
    page.mouse.click(*room.at(50, 50), button="right")
    page.get_by_role("menuitem", name="Relabel as").first.click()
    bench.room.wait_saved()
    assert (bench.mask(0, CATHETER) == shapes[0]).all()
    assert (bench.mask(3) == shapes[3]).all()
    for frame in shapes:
        for index in (ARTERY, CATHETER):
            bench.put(rectangle(0, 0, 0, 0), frame, index)


def test_grow_and_shrink_by_a_radius(bench: Bench, screenshot: Screenshot) -> None:
    """The new border is shown first; Enter or the button makes it so, an exact disc around every pixel, in one step."""
    bench.start(0)
    page, room = bench.page, bench.room
    mask = rectangle(200, 200, 260, 230)
    bench.put(mask, 0)
    before = bench.revision()
    page.keyboard.press("Shift+Z")
    for _ in range(5):
        page.keyboard.press("+")
    assert page.get_by_test_id("resize-radius").inner_text() == "8 px"
    screenshot(page, "tools-resize")
    assert (bench.mask(0) == mask).all()
    page.keyboard.press("Enter")
    assert bench.revision() == before + 1
    assert (bench.mask(0) == (distance_transform_edt(~mask) <= 8)).all()
    assert room.ask("editor.state.tool") == "positive"
    page.keyboard.press("Shift+Z")
    page.get_by_role("radiogroup", name="What the mask does").get_by_text("Shrink").click()
    page.get_by_role("button", name="Apply").click()
    assert bench.revision() == before + 2
    bench.undone()
    bench.undone()
    assert (bench.mask(0) == mask).all()
    page.keyboard.press("Shift+Z")
    page.keyboard.press("Escape")
    assert room.ask("editor.state.tool") == "positive"
    bench.put(rectangle(0, 0, 0, 0), 0)


def test_lasso(bench: Bench, screenshot: Screenshot) -> None:
    """What is drawn around belongs to the mask; with Alt it does not any more."""
    bench.start(0, "y")
    before = bench.revision()
    page, room = bench.page, bench.room
    room.stroke((200, 200), (280, 200), (280, 260), (200, 260))
    assert iou(bench.mask(0), rectangle(200, 200, 280, 260)) > 0.97
    page.mouse.move(*room.at(240, 190))
    page.keyboard.down("Alt")
    page.mouse.down()
    for point in ((240, 270), (300, 270), (300, 190)):
        page.mouse.move(*room.at(*point), steps=5)
    screenshot(page, "tools-lasso")
    page.mouse.up()
    page.keyboard.up("Alt")
    assert iou(bench.mask(0), rectangle(200, 200, 240, 260)) > 0.96
    assert bench.revision() == before + 2
    bench.undone()
    assert iou(bench.mask(0), rectangle(200, 200, 280, 260)) > 0.97
    bench.undone()
    assert not bench.mask(0).any()


def test_polygon(bench: Bench, screenshot: Screenshot) -> None:
    """Corners are clicked; Backspace takes one back, Enter closes, Escape gives up, a double click closes too."""
    bench.start(1, "j")
    before = bench.revision()
    for corner in ((200, 200), (300, 200), (450, 450)):
        bench.room.click(*corner)
    bench.page.keyboard.press("Backspace")
    bench.room.click(300, 300)
    bench.page.mouse.move(*bench.room.at(200, 300))
    screenshot(bench.page, "tools-polygon")
    bench.room.click(200, 300)
    bench.page.keyboard.press("Enter")
    assert iou(bench.mask(1), rectangle(200, 200, 300, 300)) > 0.97
    for corner in ((50, 50), (90, 50)):
        bench.room.click(*corner)
    bench.page.keyboard.press("Escape")
    for corner in ((350, 350), (400, 350), (400, 400)):
        bench.room.click(*corner)
    bench.page.mouse.dblclick(*bench.room.at(350, 400))
    both = rectangle(200, 200, 300, 300) | rectangle(350, 350, 400, 400)
    assert iou(bench.mask(1), both) > 0.97
    assert bench.revision() == before + 2
    assert bench.room.ask("editor.state.jobs.size") == 0, "Enter closed the polygon and did not propagate"


def test_brush_shapes_and_sizes(bench: Bench, screenshot: Screenshot) -> None:
    """The wheel with Shift changes the size; a square brush has corners; the eraser takes away."""
    bench.start(2, "d")
    page, room = bench.page, bench.room
    page.mouse.move(*room.at(200, 200))
    size = float(str(room.ask("editor.state.brushRadius")))
    page.keyboard.down("Shift")
    for _ in range(6):
        page.mouse.wheel(0, -100)
    page.keyboard.up("Shift")
    room.wait_for(f"editor.state.brushRadius > {1.8 * size}")
    assert room.ask("editor.state.frameIndex") == 2
    radius = float(str(room.ask("editor.state.brushRadius")))
    room.stroke((200, 200), (200, 200))
    assert abs(bench.mask(2).sum() - np.pi * radius**2) < 0.1 * np.pi * radius**2
    page.keyboard.press("[")
    assert float(str(room.ask("editor.state.brushRadius"))) < radius
    page.get_by_role("radiogroup", name="Shape of the brush").get_by_text("Square").click()
    side = 2 * float(str(room.ask("editor.state.brushRadius")))
    room.stroke((300, 200), (340, 200))
    square = bench.mask(2) & rectangle(260, 0, SIZE, SIZE)
    assert abs(square.sum() - (40 + side) * side) < 3 * (40 + side)
    rows = np.nonzero(square.any(1))[0]
    assert square[rows[1]].sum() == square[rows[len(rows) // 2]].sum()
    screenshot(page, "tools-square-brush")
    page.keyboard.press("e")
    room.stroke((280, 200), (360, 200))
    assert not (bench.mask(2) & rectangle(290, 195, 350, 205)).any()
    page.get_by_role("radiogroup", name="Shape of the brush").get_by_text("Round").click()
    page.evaluate("() => window.__cineloop.editor.set({ brushRadius: 6 })")


def test_painting_only_within_a_threshold(bench: Bench, screenshot: Screenshot) -> None:
    """The brush stays on the vessel where the stroke began, and within a range that was set."""
    frame = 8
    bench.start(frame, "d")
    page, room, grey = bench.page, bench.room, bench.cine.frames[frame].astype(int)
    page.evaluate("() => window.__cineloop.editor.set({ brushRadius: 14 })")
    page.keyboard.press("t")
    page.get_by_label("Tolerance in grey values").fill("8")
    page.keyboard.press("Enter")
    points = along(leaf_branch(bench.cine, frame), (0.3, 0.4, 0.5))
    room.stroke(*points)
    screenshot(page, "tools-threshold")
    painted = bench.mask(frame)
    x, y = (int(value) for value in points[0])
    start = int(np.median(grey[y - 1 : y + 2, x - 1 : x + 2]))
    assert painted.any()
    assert (np.abs(grey[painted] - start) <= 8).all()
    assert not painted[np.abs(grey - start) > 8].any()
    bench.undone()
    page.get_by_role("radiogroup", name="Which pixels are painted").get_by_text("Range").click()
    low, high = start - 5, start + 5
    for name, value in (("From", low), ("To", high)):
        page.get_by_label(f"{name} in grey values").fill(str(value))
        page.keyboard.press("Enter")
    room.stroke(*points)
    painted = bench.mask(frame)
    assert painted.any()
    assert ((grey[painted] >= low) & (grey[painted] <= high)).all()
    bench.undone()
    page.get_by_role("radiogroup", name="Which pixels are painted").get_by_text("All").click()
    page.evaluate("() => window.__cineloop.editor.set({ brushRadius: 6 })")
    assert not bench.mask(frame).any()


def test_a_centreline_becomes_a_mask(bench: Bench, screenshot: Screenshot) -> None:
    """Three clicks along a branch, somewhat beside it, and Shift with Enter: the mask is the branch."""
    frame = 8
    bench.start(frame, "c")
    branch = leaf_branch(bench.cine, frame)
    before = bench.revision()
    points = along(branch, (0.05, 0.5, 0.95))
    for point in points[:2]:
        bench.room.click(point[0] + 1, point[1] - 1)
    bench.page.mouse.move(*bench.room.at(*points[2]))
    screenshot(bench.page, "tools-centreline")
    bench.room.click(*points[2])
    bench.page.keyboard.press("Shift+Enter")
    found = bench.mask(frame)
    agreement = iou(found, branch)
    screenshot(bench.page, "tools-centreline-mask")
    print(f"IoU of the tube with the true branch: {agreement:.3f}")
    assert agreement > 0.6
    assert (binary_dilation(branch, iterations=3) & found).sum() > 0.95 * found.sum()
    assert label(found, np.ones((3, 3)))[1] == 1
    assert bench.revision() == before + 1
    bench.undone()
    assert not bench.mask(frame).any()


def test_centreline_and_scribble_are_one_prompt_each(bench: Bench, screenshot: Screenshot) -> None:
    """Their points lie on the vessel; a scribble with Alt is negative."""
    frame = 9
    bench.start(frame, "c")
    page, room = bench.page, bench.room
    branch = leaf_branch(bench.cine, frame)
    points = along(branch, (0.1, 0.5, 0.9))
    before = bench.revision()
    for point in points[:2]:
        room.click(*point)
    page.mouse.dblclick(*room.at(*points[2]))
    assert bench.revision() == before + 1
    found = room.ask("editor.prompts().points")
    assert isinstance(found, list)
    assert len(found) >= 4
    near = binary_dilation(branch, iterations=1)
    assert all(point["positive"] and near[int(point["y"]), int(point["x"])] for point in found)
    page.keyboard.press("x")
    page.mouse.move(*room.at(60, 440))
    page.keyboard.down("Alt")
    page.mouse.down()
    page.mouse.move(*room.at(180, 440), steps=8)
    screenshot(page, "tools-scribble")
    page.mouse.up()
    page.keyboard.up("Alt")
    assert bench.revision() == before + 2
    found = room.ask("editor.prompts().points.filter((point) => !point.positive)")
    assert isinstance(found, list)
    assert len(found) == 11
    bench.undone()
    bench.undone()
    assert room.ask("editor.prompts().points.length") == 0
    room.wait_idle()


def test_move_and_warp(bench: Bench, screenshot: Screenshot) -> None:
    """Dragging moves the whole mask; warping pulls it where the pointer is."""
    frame = 3
    bench.start(frame)
    band = rectangle(100, 250, 400, 262)
    bench.put(band, frame)
    bench.page.keyboard.press("Shift+M")
    bench.room.stroke((200, 256), (230, 226))
    assert (bench.mask(frame) == rectangle(130, 220, 430, 232)).all()
    bench.undone()
    bench.page.keyboard.press("Shift+W")
    bench.page.evaluate("() => window.__cineloop.editor.set({ brushRadius: 20 })")
    bench.room.stroke((250, 256), (250, 286))
    screenshot(bench.page, "tools-warp")
    pulled = bench.mask(frame)
    assert pulled[280:286, 250].any()
    assert not pulled[250:256, 250].any()
    assert (pulled[:, 110] == band[:, 110]).all()
    assert label(pulled)[1] == 1
    bench.page.evaluate("() => window.__cineloop.editor.set({ brushRadius: 6 })")


def test_split_and_merge(bench: Bench, screenshot: Screenshot) -> None:
    """A line across gives the smaller part to the other label; merging takes it back: one event each."""
    frame = 4
    bench.start(frame)
    band = rectangle(100, 250, 400, 262)
    bench.put(band, frame)
    bench.page.keyboard.press("Shift+S")
    before = bench.revision()
    bench.page.mouse.move(*bench.room.at(180, 230))
    bench.page.mouse.down()
    bench.page.mouse.move(*bench.room.at(180, 282), steps=4)
    screenshot(bench.page, "tools-split")
    bench.page.mouse.up()
    assert iou(bench.mask(frame, ARTERY), rectangle(180, 250, 400, 262)) > 0.98
    assert iou(bench.mask(frame, CATHETER), rectangle(100, 250, 180, 262)) > 0.98
    assert bench.revision() == before + 1
    bench.undone()
    assert (bench.mask(frame, ARTERY) == band).all()
    assert not bench.mask(frame, CATHETER).any()
    bench.room.stroke((180, 230), (180, 256))
    assert bench.notice() == "not_divided"
    bench.put(rectangle(380, 240, 430, 270), frame, CATHETER)
    before = bench.revision()
    bench.menu("Merge the other label into this one")
    assert (bench.mask(frame, ARTERY) == (band | rectangle(380, 240, 430, 270))).all()
    assert not bench.mask(frame, CATHETER).any()
    assert bench.revision() == before + 1
    bench.undone()
    assert (bench.mask(frame, CATHETER) == rectangle(380, 240, 430, 270)).all()


def test_work_on_a_mask(bench: Bench, screenshot: Screenshot) -> None:
    """Holes, pieces, growing, shrinking, smoothing: by key or menu, each one event and undone as one."""
    frame = 5
    bench.start(frame)
    page = bench.page
    page.keyboard.press("u")
    assert bench.notice() == "no_mask_here"
    tree = bench.cine.labels["coronary_artery"][frame]
    ring = rectangle(30, 400, 90, 460) & ~rectangle(45, 415, 75, 445)
    specks = rectangle(480, 20, 484, 24) | rectangle(470, 470, 473, 472)
    messy = ring | specks | rectangle(200, 430, 300, 470)
    bench.put(messy, frame)
    before = bench.revision()
    page.keyboard.press("u")
    assert (bench.mask(frame) == binary_fill_holes(messy)).all()
    page.keyboard.press("u")
    assert bench.notice() == "nothing_to_change"
    bench.menu("Drop small pieces")
    assert (bench.mask(frame) == (binary_fill_holes(messy) & ~specks)).all()
    page.keyboard.press("q")
    assert (bench.mask(frame) == rectangle(200, 430, 300, 470)).all()
    page.keyboard.press("+")
    grown = bench.mask(frame)
    assert (grown == binary_dilation(rectangle(200, 430, 300, 470))).all()
    page.keyboard.press("-")
    assert (bench.mask(frame) == rectangle(200, 430, 300, 470)).all()
    assert bench.revision() == before + 5
    for _ in range(5):
        bench.undone()
    assert (bench.mask(frame) == messy).all()
    rng = np.random.default_rng(5)
    border = (distance_transform_edt(tree) == 1) | (distance_transform_edt(~tree) == 1)
    ragged = tree ^ (border & (rng.random(tree.shape) < 0.25))
    bench.put(ragged, frame)
    page.keyboard.press("z")
    smoothed = bench.mask(frame)
    print(f"IoU with the tree: ragged {iou(ragged, tree):.3f}, smoothed {iou(smoothed, tree):.3f}")
    assert iou(smoothed, tree) > iou(ragged, tree)
    assert label(smoothed, np.ones((3, 3)))[1] == label(ragged, np.ones((3, 3)))[1]
    page.get_by_role("button", name="Work on the mask").click()
    screenshot(page, "tools-menu")
    page.keyboard.press("Escape")


def test_copying_to_other_frames(bench: Bench) -> None:
    """Shift and an arrow copy the label to the next frame; the menu copies all labels in one event."""
    bench.start(6)
    own, other = rectangle(100, 100, 140, 130), rectangle(300, 100, 340, 130)
    bench.put(own, 6, ARTERY)
    bench.put(other, 6, CATHETER)
    before = bench.revision()
    bench.page.keyboard.press("Shift+ArrowRight")
    bench.room.wait_for("editor.state.frameIndex === 7")
    assert (bench.mask(7) == own).all()
    assert not bench.mask(7, CATHETER).any()
    bench.room.go_to(6)
    bench.undone()
    assert not bench.mask(7).any()
    assert bench.room.ask("editor.state.frameIndex") == 7, "undo shows the frame that it changes"
    bench.room.go_to(6)
    bench.menu("Copy all labels to the next frame")
    assert (bench.mask(7, ARTERY) == own).all()
    assert (bench.mask(7, CATHETER) == other).all()
    assert bench.revision() == before + 3
    bench.undone()
    assert not bench.mask(7, ARTERY).any()
    assert not bench.mask(7, CATHETER).any()
    bench.room.go_to(0)
    bench.page.keyboard.press("Shift+ArrowLeft")
    assert bench.notice() == "no_such_frame"


def test_interpolating_between_key_frames(bench: Bench, screenshot: Screenshot) -> None:
    """The frames between are filled as interpolated, in one event that one undo takes back; a reload shows the same."""
    bench.start(12)
    bench.put(rectangle(100, 100, 140, 140), 11)
    bench.put(rectangle(160, 130, 200, 170), 14)
    before = bench.revision()
    bench.page.keyboard.press("Shift+I")
    assert bench.revision() == before + 1
    for frame, (x, y) in ((12, (120, 110)), (13, (140, 120))):
        assert iou(bench.mask(frame), rectangle(x, y, x + 40, y + 40)) > 0.95
        assert bench.room.masks()[str(frame)]["provenance"] == "INTERPOLATED"
    screenshot(bench.page, "tools-interpolated")
    drawn = bench.mask(12)
    bench.page.reload()
    bench.room.wait_ready()
    assert (bench.mask(12) == drawn).all()
    assert bench.room.masks()["12"]["provenance"] == "INTERPOLATED"
    bench.undone()
    assert not bench.mask(12).any()
    assert not bench.mask(13).any()
    bench.room.go_to(2)
    bench.page.keyboard.press("2")
    bench.page.keyboard.press("Shift+I")
    assert bench.notice() == "no_key_frames"


def test_the_toolbar_fits_a_low_window(bench: Bench, screenshot: Screenshot) -> None:
    """At 800 pixels every tool is seen without scrolling."""
    bench.page.set_viewport_size({"width": 1280, "height": 800})
    bench.page.keyboard.press("d")
    screenshot(bench.page, "tools-800")
    fits = bench.page.evaluate(
        "() => { const bar = document.querySelector('.reading-tools'); return bar.scrollHeight <= bar.clientHeight; }"
    )
    assert fits
    bench.page.set_viewport_size(VIEWPORT)
