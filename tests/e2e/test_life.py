"""No work is ever lost: offline, closed, taken over, signed out; and undo brings everything back into view."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, BrowserContext, Page, expect

from fixtures.dicom import write_cine_dicom
from fixtures.synthetic import generate_cine
from tests.contract.stack import Stack
from tests.e2e.conftest import PASSWORD, VIEWPORT, ReadingRoom, drop_file, offline, sign_in
from workers.protocol.rle import decode_mask

Screenshot = Callable[[Page, str], None]
SEEDS = iter(range(9100, 9200))
SIZE = 96
expect.set_options(timeout=20_000)


class Tab(ReadingRoom):
    """A tab on a reading, and what the server holds of it."""

    def server_masks(self) -> dict[int, NDArray[np.bool_]]:
        """Return {0-based frame: mask of shape (rows, columns)} of the first label, as the server has them."""
        answer = self.page.request.get(f"/api/v1/readings/{self.reading_id}/masks/")
        rows = [row for row in answer.json()["masks"] if row["label_index"] == 1 and row["area"]]
        return {row["frame_index"]: decode_mask(base64.b64decode(row["mask"])) for row in rows}

    @property
    def reading_id(self) -> str:
        """The reading that the page shows."""
        found = re.search(r"/readings/([0-9a-f-]{36})", self.page.url)
        assert found
        return found[1]

    def shown(self, frame_index: int) -> NDArray[np.bool_]:
        """Return the mask that the editor shows on a frame, of shape (rows, columns)."""
        pixels = self.ask(
            f"(() => {{ const m = editor.document.pixels(1, {frame_index});"
            " return m ? { x: m.x0, y: m.y0, w: m.width, h: m.height, bits: [...m.bits] } : null; })()"
        )
        mask = np.zeros((SIZE, SIZE), bool)
        if isinstance(pixels, dict):
            x, y, width, height = (pixels[name] for name in "xywh")
            mask[y : y + height, x : x + width] = np.array(pixels["bits"], bool).reshape(height, width)
        return mask

    def draw(self, frame_index: int, x: float, y: float) -> None:
        """Draw a short stroke with the brush on a frame."""
        self.go_to(frame_index)
        self.page.keyboard.press("d")
        self.stroke((x, y), (x + 14, y + 4))

    def check_saved(self) -> None:
        """Wait until everything is saved, and compare the server's masks with those shown, pixel by pixel."""
        self.wait_saved()
        on_server = self.server_masks()
        frames = int(str(self.ask("editor.cine.frameCount")))
        for frame in range(frames):
            empty = np.zeros((SIZE, SIZE), bool)
            np.testing.assert_array_equal(self.shown(frame), on_server.get(frame, empty), f"frame {frame}")


@pytest.fixture
def tab(context: BrowserContext, tmp_path: Path) -> Tab:
    """Return a tab on a fresh reading of a small cine."""
    page = context.new_page()
    sign_in(page, "admin")
    seed = next(SEEDS)
    path = tmp_path / f"life-{seed}.dcm"
    cine = generate_cine("xa", seed=seed, frames=6, size=SIZE)
    path.write_bytes(write_cine_dicom(cine, patient_id=f"LIFE-{seed}"))
    before = {row.get_attribute("data-cine") for row in page.locator("tr[data-cine]").all()}
    drop_file(page, path.name, path)
    page.get_by_test_id("import-result").get_by_text("1 imported").wait_for()
    page.wait_for_function("count => document.querySelectorAll('tr[data-cine]').length > count", arg=len(before))
    after = {row.get_attribute("data-cine") for row in page.locator("tr[data-cine]").all()}
    (fresh,) = after - before
    page.locator(f'tr[data-cine="{fresh}"]').get_by_role("button", name="Open").click()
    room = Tab(page)
    room.wait_ready()
    return room


@pytest.fixture
def elsewhere(browser: Browser, stack: Stack) -> Iterator[BrowserContext]:
    """Return another browser of the same reader, who has signed in there too."""
    made = browser.new_context(viewport=VIEWPORT, base_url=stack.url)
    sign_in(made.new_page(), "admin")
    yield made
    made.close()


def second_tab(context: BrowserContext, tab: Tab) -> Tab:
    """Open the reading of a tab in another one."""
    page = context.new_page()
    page.goto(tab.page.url)
    other = Tab(page)
    other.wait_ready()
    return other


def test_offline_work_survives_a_closed_tab(context: BrowserContext, tab: Tab, screenshot: Screenshot) -> None:
    """Strokes and an undo made offline are kept, the worklist tells of them, and opening the reading sends them."""
    url = tab.page.url
    tab.draw(0, 20, 20)
    tab.check_saved()
    with offline(context):
        for frame in (1, 2, 3):
            tab.draw(frame, 20 + 6 * frame, 40)
        tab.draw(0, 20, 60)
        tab.page.keyboard.press("Control+z")
        state = tab.page.locator('[data-testid="saved"][data-state="offline"]')
        expect(state).to_have_text("Offline, 5 changes kept here")
        drawn = {frame: tab.shown(frame) for frame in range(6)}
        assert [bool(drawn[frame].any()) for frame in range(6)] == [True, True, True, True, False, False]
        screenshot(tab.page, "life-01-offline")
        tab.page.close()
    page = context.new_page()
    page.goto("/")
    notice = page.get_by_test_id("unsent-work")
    notice.wait_for()
    assert "5 changes" in notice.inner_text()
    screenshot(page, "life-02-unsent-work")
    notice.get_by_role("link").click()
    room = Tab(page)
    room.wait_ready()
    assert page.url == url
    for frame, mask in drawn.items():
        np.testing.assert_array_equal(room.shown(frame), mask)
    room.check_saved()
    page.get_by_role("link", name="Back to the worklist").click()
    page.get_by_role("heading", name="Worklist").wait_for()
    expect(notice).to_have_count(0)


def test_two_browsers_on_one_reading(tab: Tab, elsewhere: BrowserContext, screenshot: Screenshot) -> None:
    """The second looks on, takes over and is taken back from; a stroke that was under way is merged, not lost."""
    tab.draw(0, 20, 20)
    tab.check_saved()
    other = second_tab(elsewhere, tab)
    banner = other.page.get_by_test_id("other-writer")
    expect(banner).to_contain_text("Chrome on Linux")
    np.testing.assert_array_equal(other.shown(0), tab.shown(0))
    other.draw(1, 30, 30)
    assert not other.shown(1).any(), "who looks on does not draw"
    screenshot(other.page, "life-03-looks-on")

    # The first one is in the middle of a stroke when the second takes over.
    tab.go_to(2)
    tab.page.keyboard.press("d")
    tab.page.mouse.move(*tab.at(30, 30))
    tab.page.mouse.down()
    tab.page.mouse.move(*tab.at(50, 34), steps=4)
    banner.get_by_role("button", name="Take over").click()
    expect(banner).to_have_count(0)
    lost = tab.page.get_by_test_id("other-writer")
    expect(lost).to_contain_text("Taken over elsewhere")
    tab.page.mouse.up()
    expect(lost).to_contain_text("Not sent: 1 change")
    kept = tab.shown(2)
    assert kept.any()
    screenshot(tab.page, "life-04-taken-over")

    # The second draws on the same frame, and writes as if it were alone.
    other.draw(2, 20, 70)
    other.check_saved()
    theirs = other.shown(2)
    assert (theirs != kept).any()

    # Taken back: the kept stroke comes after it, on top; both are in the log, and undo shows the other one.
    lost.get_by_role("button", name="Take back").click()
    expect(lost).to_have_count(0)
    tab.check_saved()
    np.testing.assert_array_equal(tab.shown(2), kept)
    expect(tab.page.get_by_text("Another tab has changed frame 3")).to_be_visible()
    screenshot(tab.page, "life-05-taken-back")
    expect(banner).to_contain_text("Taken over elsewhere")
    tab.page.keyboard.press("Control+z")
    np.testing.assert_array_equal(tab.shown(2), theirs)
    tab.check_saved()
    other.wait_for(f"editor.document.revision === {tab.ask('editor.document.revision')}")
    np.testing.assert_array_equal(other.shown(2), theirs)

    # Left by the first, the reading goes to the second by itself.
    tab.page.get_by_role("link", name="Back to the worklist").click()
    expect(banner).to_have_count(0)
    other.draw(4, 20, 20)
    other.check_saved()


def test_a_second_tab_of_the_same_browser_is_told_so(context: BrowserContext, tab: Tab) -> None:
    """And after a reload, a tab goes on writing without being asked."""
    other = second_tab(context, tab)
    expect(other.page.get_by_test_id("other-writer")).to_contain_text("another tab of this browser")
    tab.page.reload()
    tab.wait_ready()
    tab.wait_for("editor.state.canWrite || editor.state.otherWriter !== null")
    writers = [room for room in (tab, other) if room.ask("editor.state.canWrite")]
    assert len(writers) == 1


def test_undo_after_a_reload_brings_back_into_view(tab: Tab, screenshot: Screenshot) -> None:
    """The log is the stack: everything of before can be taken back and done again, on the frame it belongs to."""
    tab.draw(1, 20, 20)
    tab.draw(4, 40, 40)
    tab.page.keyboard.press("a")
    tab.check_saved()
    before = {frame: tab.shown(frame) for frame in (1, 4)}
    tab.page.reload()
    tab.wait_ready()
    tab.go_to(0)
    tab.page.get_by_role("button", name="Undo").hover()
    expect(tab.page.get_by_role("tooltip")).to_have_text("Undo acceptance, frame 5")
    screenshot(tab.page, "life-06-undo")
    tab.page.keyboard.press("Control+z")
    tab.page.keyboard.press("Control+z")
    assert tab.ask("editor.state.frameIndex") == 4
    assert not tab.shown(4).any()
    tab.page.keyboard.press("Control+z")
    assert tab.ask("editor.state.frameIndex") == 1
    assert not tab.shown(1).any()
    assert tab.ask("editor.state.canUndo") is False
    tab.check_saved()
    assert tab.server_masks() == {}
    for _ in range(3):
        tab.page.keyboard.press("Control+y")
    for frame, mask in before.items():
        np.testing.assert_array_equal(tab.shown(frame), mask)
    assert tab.masks()["4"]["accepted"] is True
    tab.check_saved()


def test_undo_is_shown_before_the_server_knows(context: BrowserContext, tab: Tab) -> None:
    """Many steps in one go, offline, on masks of before and of now."""
    tab.draw(2, 20, 20)
    tab.check_saved()
    first = tab.shown(2)
    with offline(context):
        tab.draw(2, 20, 50)
        both = tab.shown(2)
        assert both.sum() > first.sum()
        tab.page.keyboard.press("Control+z")
        np.testing.assert_array_equal(tab.shown(2), first)
        tab.page.keyboard.press("Control+z")
        assert not tab.shown(2).any()
        tab.page.keyboard.press("Control+y")
        tab.page.keyboard.press("Control+y")
        np.testing.assert_array_equal(tab.shown(2), both)
    tab.check_saved()


def test_signing_out_elsewhere_loses_nothing(context: BrowserContext, tab: Tab, screenshot: Screenshot) -> None:
    """The page says why nothing is saved, keeps it, and goes on once the reader has signed in again."""
    token = next(cookie["value"] for cookie in context.cookies() if cookie["name"] == "csrftoken")
    tab.page.request.post("/api/v1/auth/logout/", headers={"X-CSRFToken": token, "Referer": tab.page.url})
    held = tab.page.get_by_test_id("held")
    expect(held).to_contain_text("Your session has ended")
    tab.draw(3, 20, 20)
    expect(held).to_contain_text("Not sent: 1 change, kept here")
    expect(held).to_contain_text("Your session has ended")
    drawn = tab.shown(3)
    screenshot(tab.page, "life-07-signed-out")
    with context.expect_page() as opened:
        held.get_by_role("link", name="Sign in").click()
    page = opened.value
    page.get_by_label("User name").fill("admin")
    page.locator("input[type=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Worklist").wait_for()
    held.get_by_role("button", name="Try again").click()
    tab.check_saved()
    np.testing.assert_array_equal(tab.server_masks()[3], drawn)
    expect(held).to_have_count(0)
