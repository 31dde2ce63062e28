"""Keys, mouse, touch and pen in a real Chromium; and what those need who read without a mouse, or without eyes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, ViewportSize

from tests.contract.stack import Stack
from tests.e2e.conftest import PASSWORD, ReadingRoom, sign_in

Screenshot = Callable[[Page, str], None]
Spot = tuple[float, float]


@dataclass(frozen=True)
class Opened:
    """A reading that a signed-in browser has opened."""

    path: str
    cookies: list[Any]

    def enter(self, context: BrowserContext) -> ReadingRoom:
        """Return the room in a new page, with nothing on its first frame."""
        context.set_default_timeout(20_000)
        context.add_cookies(self.cookies)
        page = context.new_page()
        room = ReadingRoom(page)
        page.goto(self.path)
        room.wait_ready()
        room.take_over()
        # Keys are kept on the account: each test begins with the default ones.
        page.evaluate(
            "async () => { const { editor } = window.__cineloop; await editor.keysAway.open();"
            " editor.keymap.reset(); await editor.keysAway.open(); }"
        )
        room.ask("editor.labels.forEach(({ code }) => { editor.set({ labelCode: code }); editor.clearMask(); })")
        room.ask("editor.set({ labelCode: editor.labels[0].code })")
        room.wait_idle()
        return room


@pytest.fixture(scope="module")
def opened(browser: Browser, stack: Stack) -> Opened:
    """Return a reading of reader1, opened once for all tests here."""
    context = browser.new_context(base_url=stack.url)
    page = context.new_page()
    sign_in(page, "reader1")
    page.get_by_role("button", name="Read next").click()
    ReadingRoom(page).wait_ready()
    made = Opened(page.url.removeprefix(stack.url), context.cookies())
    context.close()
    return made


@pytest.fixture
def room(context: BrowserContext, opened: Opened) -> ReadingRoom:
    """Return a reading room driven by mouse and keyboard."""
    return opened.enter(context)


def area(room: ReadingRoom) -> int:
    """Return how many pixels the mask of the first label has on the frame that is shown."""
    found = room.ask(
        "(() => { const m = editor.document.pixels(1, editor.state.frameIndex);"
        " return m ? m.bits.reduce((sum, bit) => sum + bit, 0) : 0; })()"
    )
    assert isinstance(found, int)
    return found


def width_at(room: ReadingRoom, column: int) -> int:
    """Return how many pixels of the first label's mask lie in an image column."""
    found = room.ask(
        "(() => { const m = editor.document.pixels(1, editor.state.frameIndex); let sum = 0;"
        f" for (let y = 0; y < m.height; y++) sum += m.bits[y * m.width + {column} - m.x0]; return sum; }})()"
    )
    assert isinstance(found, int)
    return found


def points(room: ReadingRoom) -> list[dict[str, float]]:
    """Return the point prompts that stand on the frame that is shown."""
    found = room.ask("editor.prompts().points")
    assert isinstance(found, list)
    return found


# --- the command palette and the menu ---------------------------------------------------------------------------------


def test_the_palette_finds_a_command_and_runs_it(room: ReadingRoom, screenshot: Screenshot) -> None:
    """A few letters and Enter run a command; what cannot be done now says why and does nothing."""
    page = room.page
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Find a command").fill("erase")
    screenshot(page, "60-palette")
    page.keyboard.press("Enter")
    room.wait_for("editor.state.tool === 'eraser'")
    page.get_by_role("dialog").wait_for(state="hidden")

    room.ask("editor.setAccess('SUBMITTED', false)")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Find a command").fill("accept this")
    entry = page.get_by_role("option", name="Accept this frame")
    entry.get_by_text("The reading is submitted").wait_for()
    revision = room.ask("editor.state.revision")
    page.keyboard.press("Enter")
    assert entry.is_visible()
    assert room.ask("[editor.state.revision, editor.state.pendingCount]") == [revision, 0]
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    page.keyboard.press("o")
    assert room.ask("editor.state.outlineOnly") is True, "the keys are back where they were"


def test_the_context_menu_acts_at_the_place(room: ReadingRoom, screenshot: Screenshot) -> None:
    """A right click opens the menu and a point is set exactly there; a right drag zooms and opens nothing."""
    page = room.page
    page.mouse.click(*room.at(70, 90), button="right")
    screenshot(page, "61-menu")
    page.get_by_role("menuitem", name="Point in the structure, here").click()
    room.wait_idle()
    assert [(round(point["x"]), round(point["y"]), point["positive"]) for point in points(room)] == [(70, 90, True)]

    zoom = room.ask("editor.state.zoom")
    page.mouse.move(*room.at(100, 100))
    page.mouse.down(button="right")
    x, y = room.at(100, 100)
    page.mouse.move(x, y - 60, steps=4)
    page.mouse.up(button="right")
    assert float(str(room.ask("editor.state.zoom"))) > 1.2 * float(str(zoom))
    assert page.get_by_role("menu").count() == 0

    # The same menu by keyboard, where the pointer is; the label that lies there becomes the chosen one.
    page.keyboard.press("f")
    page.keyboard.press("2")
    page.keyboard.press("d")
    room.stroke((150, 150), (160, 150))
    page.keyboard.press("1")
    page.mouse.move(*room.at(155, 150))
    page.keyboard.press("Shift+F10")
    page.get_by_role("menuitem", name="Choose the label that lies here").press("Enter")
    room.wait_for("editor.label.index === 2")


# --- keys and mouse of one's own --------------------------------------------------------------------------------------


def test_a_key_of_ones_own_works_and_survives_a_reload(
    room: ReadingRoom, browser: Browser, stack: Stack, opened: Opened, screenshot: Screenshot, tmp_path: Path
) -> None:
    """A key is given by pressing it, its conflict is explained, and the choice is kept, found elsewhere and reset."""
    page = room.page
    page.keyboard.press("?")
    page.get_by_role("switch", name="Change keys").click()
    row = page.locator('[data-action="tool-brush"]')
    row.get_by_role("button", name="Add a key").click()
    page.keyboard.press("b")
    conflict = row.get_by_role("alert")
    conflict.get_by_text("B already means “Box around the structure”").wait_for()
    screenshot(page, "62-key-conflict")
    conflict.get_by_role("button", name="Take it over").click()
    page.locator('[data-action="tool-box"]').get_by_text("B is now “Brush”").wait_for()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export").click()
    kept = tmp_path / "keys.json"
    waiting.value.save_as(kept)
    assert json.loads(kept.read_text())["keys"] == {"tool-brush": ["d", "b"]}
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")

    page.reload()
    room.wait_ready()
    page.keyboard.press("b")
    room.wait_for("editor.state.tool === 'brush'")
    elsewhere = browser.new_context(base_url=stack.url)
    elsewhere.add_cookies(opened.cookies)
    other = ReadingRoom(elsewhere.new_page())
    other.page.goto(opened.path)
    other.wait_ready()
    other.wait_for("editor.keymap.keysOf('tool-brush').join() === 'd,b'")
    elsewhere.close()

    page.keyboard.press("?")
    page.get_by_role("textbox", name="Search the keys").fill("box")
    page.locator('[data-action="tool-box"]').get_by_text("B is now “Brush”").wait_for()
    page.get_by_role("button", name="Reset everything").click()
    page.get_by_role("button", name="Reset", exact=True).click()
    page.locator('[data-action="tool-box"] kbd').get_by_text("B").wait_for()
    page.locator('input[type="file"]').set_input_files(kept)
    page.locator('[data-action="tool-box"]').get_by_text("B is now “Brush”").wait_for()
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps({"format": "cineloop.keymap", "version": 1, "keys": {"tool-box": ["tab"]}}))
    page.locator('input[type="file"]').set_input_files(broken)
    page.get_by_text("Tab moves from one control to the next").wait_for()
    assert room.ask("editor.keymap.keysOf('tool-brush')") == ["d", "b"]


def test_keys_need_their_shift_and_give_it_to_symbols(room: ReadingRoom) -> None:
    """A letter with Shift is another key than without; a symbol is found with the Shift that its layout asks for."""
    page = room.page
    page.keyboard.press("Shift+E")
    assert room.ask("editor.state.tool") == "positive"
    page.keyboard.press("d")
    assert room.ask("editor.state.tool") == "brush"
    radius = float(str(room.ask("editor.state.brushRadius")))
    page.keyboard.press("]")
    assert float(str(room.ask("editor.state.brushRadius"))) > radius
    page.keyboard.press("Shift+?")
    page.get_by_role("dialog", name="Keyboard and mouse").wait_for()


def test_the_mouse_is_what_the_reader_makes_it(room: ReadingRoom) -> None:
    """The wheel steps frames until the reader gives it the zoom; no choice may leave the tool without a button."""
    page = room.page
    page.mouse.move(*room.at(128, 128))
    page.mouse.wheel(0, 100)
    room.wait_for("editor.state.frameIndex === 1")
    page.keyboard.press("?")
    page.get_by_role("tab", name="Mouse").click()
    page.get_by_role("combobox", name="Wheel", exact=True).click()
    page.get_by_role("option", name="zoom").click()
    page.get_by_role("combobox", name="Left button").click()
    page.get_by_role("option", name="pan").click()
    page.get_by_text("One button has to work the chosen tool.").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    page.mouse.move(*room.at(128, 128))
    page.mouse.wheel(0, -200)
    room.wait_for("editor.state.zoom > 1.2")
    assert room.ask("[editor.state.frameIndex, editor.keymap.mouse.left]") == [1, "tool"]


# --- fingers and pen --------------------------------------------------------------------------------------------------


class Hand:
    """Fingers and a pen, through the browser's own input pipeline."""

    def __init__(self, room: ReadingRoom) -> None:
        self.room = room
        self.session: CDPSession = room.page.context.new_cdp_session(room.page)

    def touch(self, kind: str, *spots: Spot) -> None:
        """Send the fingers that now lie on image points, by the order in which they came down."""
        places = [self.room.at(*spot) for spot in spots]
        fingers = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    def pen(self, kind: str, spot: Spot, pressure: float) -> None:
        """Send a pen on an image point."""
        x, y = self.room.at(*spot)
        down = kind != "mouseReleased"
        event = {"type": kind, "x": x, "y": y, "button": "left", "buttons": int(down), "clickCount": 1}
        self.session.send("Input.dispatchMouseEvent", event | {"pointerType": "pen", "force": pressure})

    def pen_stroke(self, spots: Sequence[Spot], pressure: float) -> None:
        """Draw through image points."""
        self.pen("mousePressed", spots[0], pressure)
        for spot in spots[1:]:
            self.pen("mouseMoved", spot, pressure)
        self.pen("mouseReleased", spots[-1], pressure)


@pytest.fixture
def touch_room(browser: Browser, stack: Stack, opened: Opened) -> Iterator[ReadingRoom]:
    """Return a reading room on a tablet."""
    size: ViewportSize = {"width": 1280, "height": 800}
    made = browser.new_context(viewport=size, base_url=stack.url, has_touch=True, is_mobile=True)
    yield opened.enter(made)
    made.close()


def test_one_finger_draws_and_two_zoom_without_a_trace(touch_room: ReadingRoom, screenshot: Screenshot) -> None:
    """A finger draws with the tool; a second one takes the stroke back and zooms about the place between them."""
    room, hand = touch_room, Hand(touch_room)
    room.page.keyboard.press("d")
    hand.touch("touchStart", (60, 60))
    hand.touch("touchMove", (80, 60))
    hand.touch("touchMove", (110, 60))
    hand.touch("touchEnd")
    room.wait_idle()
    drawn = area(room)
    assert drawn > 500, "a stroke 50 long and 12 wide"

    revision = room.ask("editor.state.revision")
    middle = room.at(128, 128)
    left, right = room.at(98, 128), room.at(158, 128)
    hand.touch("touchStart", (98, 128))
    hand.touch("touchMove", (99, 128))
    hand.touch("touchStart", (98, 128), (158, 128))
    for step in (20, 40, 60):
        fingers = [{"x": left[0] - step, "y": left[1], "id": 0}, {"x": right[0] + step, "y": right[1], "id": 1}]
        hand.session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": fingers})
    grown = (right[0] - left[0] + 120) / (right[0] - left[0])
    room.wait_for(f"Math.abs(editor.state.zoom - {grown}) < 0.03")
    assert room.at(128, 128) == pytest.approx(middle, abs=3), "what lies between the fingers stays there"
    hand.session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    screenshot(room.page, "63-touch")
    assert room.page.evaluate("() => [visualViewport.scale, window.scrollY]") == [1, 0], "the page itself stays"
    room.wait_idle()
    assert (area(room), room.ask("editor.state.revision")) == (drawn, revision), "the second finger undid the stroke"


def test_targets_are_large_enough_for_fingers(touch_room: ReadingRoom) -> None:
    """Whatever can be pressed in the reading room is 40 pixels high and wide where fingers press it."""
    small = touch_room.page.evaluate(
        """() => [...document.querySelectorAll('.reading button, .reading a, .reading .mantine-SegmentedControl-label')]
            .map((node) => [node.ariaLabel || node.textContent, node.getBoundingClientRect()])
            .filter(([, box]) => box.width > 0 && (box.width < 40 || box.height < 40))
            .map(([name, box]) => `${name} ${box.width} x ${box.height}`)"""
    )
    assert small == []


def test_the_pressure_of_a_pen_sizes_the_brush_and_then_fingers_pan(room: ReadingRoom) -> None:
    """A pressed pen draws wider than a light one; once a pen was there, a finger moves the image and draws nothing."""
    hand = Hand(room)
    room.page.keyboard.press("d")
    hand.pen_stroke([(60, 60), (80, 60), (100, 60)], 0.1)
    hand.pen_stroke([(140, 60), (160, 60), (180, 60)], 0.9)
    room.wait_idle()
    light, pressed = width_at(room, 80), width_at(room, 160)
    radius = float(str(room.ask("editor.state.brushRadius")))
    assert 0 < light < 2 * radius < pressed
    assert pressed >= 2 * light

    drawn, before = area(room), room.at(0, 0)
    hand.touch("touchStart", (100, 150))
    hand.touch("touchMove", (120, 150))
    hand.touch("touchEnd")
    room.wait_idle()
    assert area(room) == drawn
    assert room.at(0, 0)[0] > before[0] + 10


# --- without a mouse, without eyes ------------------------------------------------------------------------------------


def test_a_lasting_key_ends_when_the_window_is_left(room: ReadingRoom) -> None:
    """Masks hidden by a held key come back even when the key goes up elsewhere."""
    room.page.keyboard.down("h")
    assert room.ask("editor.state.masksHidden") is True
    room.page.evaluate("() => window.dispatchEvent(new Event('blur'))")
    assert room.ask("editor.state.masksHidden") is False
    room.page.keyboard.up("h")


def test_a_click_on_a_control_leaves_the_keys_to_the_cine(room: ReadingRoom) -> None:
    """After a click on a button or a choice, Space plays and arrows step; reached by Tab, a control keeps its keys."""
    page = room.page
    # On a busy machine timers come late; the keys must not depend on them.
    page.evaluate("() => { const timer = setTimeout; window.setTimeout = (f, ms) => timer(f, (ms || 0) + 5000); }")
    page.get_by_role("button", name="Brush").click()
    page.get_by_role("button", name="Slower").click()
    speed = room.ask("editor.state.speed")
    assert room.ask("editor.state.tool") == "brush"
    assert isinstance(speed, float)
    assert speed < 1
    page.keyboard.press("ArrowRight")
    assert room.ask("[editor.state.frameIndex, editor.state.speed]") == [1, speed]
    page.keyboard.press("Space")
    assert room.ask("editor.state.playing") is True
    page.keyboard.press("Space")
    assert room.ask("[editor.state.playing, editor.state.speed]") == [False, speed]
    page.get_by_role("button", name="Eraser").focus()
    page.keyboard.press("Space")
    assert room.ask("[editor.state.tool, editor.state.playing]") == ["eraser", False]
    # A dialog gives the focus back to the button that it was opened from; that was only touched.
    page.get_by_role("button", name="Keyboard and mouse").click()
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    page.keyboard.press("Space")
    assert room.ask("[editor.state.playing, editor.state.overlay]") == [True, None]


def test_tools_work_by_arrows_and_enter(room: ReadingRoom, screenshot: Screenshot) -> None:
    """The crosshair sets points, boxes and strokes without a mouse, is said on demand, and gives the arrows back."""
    page = room.page

    def move(key: str, far: int, near: int = 0) -> None:
        for _ in range(far):
            page.keyboard.press(f"Shift+{key}")
        for _ in range(near):
            page.keyboard.press(key)

    # Reached by Tab, a button would take Enter for itself.
    page.get_by_role("button", name="Brush").focus()
    page.keyboard.press("p")
    page.keyboard.press("Shift+X")
    room.wait_for("document.activeElement.dataset.testid === 'stage'")
    size = (room.ask("editor.cine.columns"), room.ask("editor.cine.rows"))
    start = room.ask("editor.crosshair.at")
    assert start == {"x": float(str(size[0])) / 2 + 0.5, "y": float(str(size[1])) / 2 + 0.5}
    x, y = float(start["x"]), float(start["y"])
    move("ArrowLeft", 3, 2)
    page.keyboard.press("Enter")
    room.wait_idle()
    assert [(point["x"], point["y"], point["positive"]) for point in points(room)] == [(x - 32, y, True)]
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    move("ArrowRight", 2)
    move("ArrowDown", 1, 5)
    screenshot(page, "67-crosshair")
    page.keyboard.press("Enter")
    room.wait_idle()
    assert room.ask("editor.prompts().box") == [x - 32, y, x - 12, y + 15]
    page.keyboard.press("Shift+A")
    said = page.get_by_test_id("said")
    assert f"crosshair at column {int(x - 12) + 1}, row {int(y + 15) + 1}" in said.inner_text()
    page.keyboard.press("Delete")
    page.keyboard.press("d")
    page.keyboard.press("Enter")
    move("ArrowUp", 4)
    page.keyboard.press("Enter")
    room.wait_idle()
    radius = float(str(room.ask("editor.state.brushRadius")))
    assert abs(area(room) - (80 * radius + 3.14 * radius**2)) < 0.15 * area(room)
    assert room.ask("editor.state.frameIndex") == 0
    page.keyboard.press("Escape")
    assert page.get_by_test_id("crosshair").count() == 0
    page.keyboard.press("ArrowRight")
    room.wait_for("editor.state.frameIndex === 1")
    # Zoomed in, the crosshair stays in sight; turned, it goes as the eye sees it.
    page.keyboard.press("Shift+R")
    room.ask("view.zoomAt(4)")
    page.keyboard.press("Shift+X")
    before = room.ask("view.toPage(editor.crosshair.at.x, editor.crosshair.at.y)")
    page.keyboard.press("ArrowRight")
    after = room.ask("view.toPage(editor.crosshair.at.x, editor.crosshair.at.y)")
    assert after["x"] > before["x"]
    assert after["y"] == pytest.approx(before["y"])
    move("ArrowRight", 12)
    place, box = (
        room.ask("view.toPage(editor.crosshair.at.x, editor.crosshair.at.y)"),
        page.get_by_test_id("stage").bounding_box(),
    )
    assert box is not None
    assert box["x"] < place["x"] < box["x"] + box["width"]


def test_a_frame_is_said_when_asked_for_and_never_by_itself(room: ReadingRoom) -> None:
    """The live region is silent while frames go by, and says frame, masks and label on demand."""
    page = room.page
    said = page.get_by_test_id("said")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.wait_for_timeout(500)
    page.keyboard.press("Space")
    assert said.inner_text() == ""
    page.keyboard.press("Home")
    page.keyboard.press("Shift+A")
    assert said.inner_text().startswith("Frame 1 of ")
    assert "no masks" in said.inner_text()


def test_tab_goes_through_the_room_and_out_again(room: ReadingRoom) -> None:
    """Tab reaches tools, timeline and panels in the order of the eye, shows where it is, and is caught nowhere."""
    page = room.page
    page.evaluate("() => document.activeElement.blur()")
    seen: list[str] = []
    for _ in range(80):
        page.keyboard.press("Tab")
        place = page.evaluate(
            """() => {
                const node = document.activeElement;
                if (node === document.body) return null;
                const area = node.closest('.reading-top, .reading-tools, .reading-time, .reading-side');
                const ring = [node, ...node.parentElement.querySelectorAll('label')].some((each) => {
                    const { outlineStyle, boxShadow } = getComputedStyle(each);
                    return outlineStyle !== 'none' || boxShadow !== 'none';
                });
                return [area?.className ?? '', node.ariaLabel ?? node.textContent, ring];
            }"""
        )
        if place is None:
            break
        area_name, name, has_ring = place
        assert has_ring, f"focus cannot be seen on {name}"
        if area_name and area_name not in seen:
            seen.append(area_name)
    else:
        pytest.fail("Tab never leaves the room")
    assert seen == ["reading-top", "reading-tools", "reading-side", "reading-time"]


def serious(page: Page) -> list[str]:
    """Return what axe finds serious or critical on a page, as lines."""
    page.wait_for_timeout(400)  # what fades in has its colours
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in found
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("username", ["admin", "reader1"])
def test_pages_have_no_serious_barrier(context: BrowserContext, username: str) -> None:
    """Sign-in, worklist, datasets, models and settings pass axe, for managers and for readers."""
    page = context.new_page()
    page.goto("/login")
    page.get_by_label("User name").fill(username)
    page.locator("input[type=password]").fill(PASSWORD + "x")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    assert serious(page) == [], "sign-in"
    sign_in(page, username)
    page.wait_for_load_state("networkidle")
    assert serious(page) == [], "worklist"
    for name in ("Datasets", "Models", "Settings"):
        page.get_by_role("link", name=name).click()
        page.get_by_role("heading", level=1).wait_for()
        page.wait_for_load_state("networkidle")
        assert serious(page) == [], name


def test_the_reading_room_has_no_serious_barrier(room: ReadingRoom) -> None:
    """The room, the palette, the keys, their editor and the menu pass axe."""
    page = room.page
    page.keyboard.press("d")
    room.stroke((80, 80), (120, 90))
    room.wait_idle()
    page.keyboard.press("a")
    room.wait_idle()
    room.ask("editor.notify('example', 'Something that the reader is told.')")
    page.get_by_text("Something that the reader is told.").wait_for()
    assert serious(page) == [], "room"
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Find a command").wait_for()
    assert serious(page) == [], "palette"
    page.keyboard.type("no such command")
    assert serious(page) == [], "palette without a find"
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    assert serious(page) == [], "keys"
    page.get_by_role("switch", name="Change keys").click()
    assert serious(page) == [], "changing keys"
    page.get_by_role("tab", name="Mouse").click()
    assert serious(page) == [], "mouse"
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    page.mouse.click(*room.at(80, 80), button="right")
    page.get_by_role("menu").wait_for()
    assert serious(page) == [], "menu"


@pytest.mark.parametrize(("width", "height", "scale"), [(1280, 800, 1), (3840, 2160, 1), (1920, 1080, 2)])
def test_nothing_is_cut_off_or_covered(
    browser: Browser, stack: Stack, opened: Opened, screenshot: Screenshot, width: int, height: int, scale: int
) -> None:
    """On a small laptop and on large screens every control is in view of its panel and no text is clipped."""
    size: ViewportSize = {"width": width, "height": height}
    made = browser.new_context(viewport=size, device_scale_factor=scale, base_url=stack.url)
    room = opened.enter(made)
    page = room.page
    page.keyboard.press("d")
    room.stroke((80, 80), (120, 90))
    room.wait_idle()
    screenshot(page, f"65-room-{width}x{height}@{scale}")
    bad = page.evaluate(
        """() => {
            const bad = [];
            const areas = [...document.querySelectorAll('.reading > *:not([aria-hidden])')]
                .filter((node) => /reading-|panes/.test(node.className) && node.className !== 'reading-notices');
            areas.forEach((one, place) => areas.slice(place + 1).forEach((other) => {
                const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()];
                if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
                    bad.push(`${one.className} overlaps ${other.className}`);
            }));
            for (const node of document.querySelectorAll('.reading *')) {
                const box = node.getBoundingClientRect();
                const style = getComputedStyle(node);
                if (!box.width || node.closest('canvas') || style.textOverflow === 'ellipsis') continue;
                if (box.right > innerWidth + 1) bad.push(`${node.className} ends beside the page`);
                const hasText = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
                if (hasText && node.scrollWidth > node.clientWidth + 1 && node.clientWidth
                    && style.overflow !== 'visible')
                    bad.push(`${node.textContent} is clipped`);
            }
            if (document.documentElement.scrollHeight > innerHeight) bad.push('the page scrolls');
            return bad;
        }"""
    )
    assert bad == []
    page.keyboard.press("?")
    screenshot(page, f"66-keys-{width}x{height}@{scale}")
    made.close()
