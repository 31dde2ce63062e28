"""A running CineLoop and a real Chromium with a fresh profile; screenshots go to artifacts/screens."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, sync_playwright

from tests import machine
from tests.contract.stack import Stack, embedded_stack

SCREENS = machine.ROOT / "artifacts" / "screens"
VIEWPORT = {"width": 1440, "height": 900}
PASSWORD = "cineloop-demo"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a freshly started embedded CineLoop with the demo campaigns."""
    with embedded_stack(tmp_path_factory.mktemp("e2e")) as running:
        yield running


def launch_chromium(playwright: Playwright) -> Browser:
    """Start a headless Chromium."""
    arguments = [argument for argument in machine.CHROMIUM_ARGUMENTS if argument != "--headless"]
    return playwright.chromium.launch(executable_path=machine.chromium(), args=arguments, headless=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return a headless Chromium."""
    lack = machine.missing_browser()
    if lack:
        pytest.skip(lack)
    with sync_playwright() as playwright:
        launched = launch_chromium(playwright)
        yield launched
        launched.close()


@pytest.fixture
def context(browser: Browser, stack: Stack) -> Iterator[BrowserContext]:
    """Return a browser context; an error on any of its pages fails the test."""
    with watched_context(browser, stack) as made:
        yield made


@contextlib.contextmanager
def watched_context(browser: Browser, stack: Stack) -> Iterator[BrowserContext]:
    """Give a browser context; an error on any of its pages is one in the end."""
    made = browser.new_context(viewport=VIEWPORT, base_url=stack.url)
    made.set_default_timeout(20_000)
    errors: list[str] = []
    made.on("weberror", lambda error: errors.append(str(error.error)))
    yield made
    made.close()
    assert not errors, errors


@pytest.fixture
def screenshot() -> Callable[[Page, str], None]:
    """Return a function that keeps a picture of a page under a name."""
    SCREENS.mkdir(parents=True, exist_ok=True)

    def keep(page: Page, name: str) -> None:
        page.wait_for_timeout(350)  # dialogs and buttons have stopped moving
        page.screenshot(path=str(SCREENS / f"{name}.png"))

    return keep


def sign_in(page: Page, username: str) -> None:
    """Sign in through the form."""
    page.goto("/")
    page.get_by_label("User name").fill(username)
    page.locator("input[type=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Worklist").wait_for()


def drop_file(page: Page, name: str, path: Path) -> None:
    """Drop a file onto the worklist, as a mouse would."""
    import base64

    data = base64.b64encode(path.read_bytes()).decode()
    page.evaluate(
        """([name, data]) => {
            const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], name, { type: "application/dicom" }));
            const target = document.querySelector('[data-testid="dropzone"]');
            for (const kind of ["dragover", "drop"]) {
                target.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: transfer }));
            }
        }""",
        [name, data],
    )


def open_import(page: Page, path: Path, frames: int, *, seconds: float = 60) -> ReadingRoom:
    """Import a file and open its reading, that of the newest cine of so many frames; wait until all are loaded."""
    drop_file(page, path.name, path)
    page.get_by_test_id("import-result").get_by_text("1 imported").wait_for(timeout=seconds * 1000)
    row = page.locator("tr[data-cine]").filter(has=page.get_by_role("cell", name=str(frames), exact=True))
    row.last.get_by_role("button", name="Open").click()
    room = ReadingRoom(page)
    room.wait_ready()
    room.wait_for("editor.frames.loadedCount >= editor.frames.wantedCount")
    return room


class ReadingRoom:
    """The reading page, driven by mouse and keyboard; what it shows is read from the editor itself."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def wait_ready(self) -> None:
        """Wait until the reading is loaded and its first frame drawn."""
        self.page.wait_for_selector('[data-testid="reading"][data-ready="true"]')
        self.page.wait_for_function("() => document.querySelector('.stage')?.dataset.frame")

    def take_over(self) -> None:
        """Write here, whoever did before: the tab of another test may have gone without a word."""
        self.page.evaluate(
            "async () => { const { editor } = window.__cineloop;"
            " if (editor.state.otherWriter) await editor.takeOver(); }"
        )
        self.wait_for("editor.state.canWrite")

    def ask(self, expression: str) -> object:
        """Return the value of an expression over `editor` and `view`."""
        return self.page.evaluate(f"() => {{ const {{ editor, view }} = window.__cineloop; return {expression}; }}")

    def wait_for(self, condition: str, *, seconds: float = 120) -> None:
        """Wait until an expression over `editor` and `view` is true."""
        script = f"() => {{ const {{ editor, view }} = window.__cineloop; return {condition}; }}"
        self.page.wait_for_function(script, timeout=seconds * 1000)

    def go_to(self, frame_index: int) -> None:
        """Click the timeline at a frame."""
        box = self.page.get_by_role("slider", name="Frame", exact=True).bounding_box()
        assert box is not None
        count = int(str(self.ask("editor.cine.frameCount")))
        self.page.mouse.click(box["x"] + (frame_index + 0.5) * box["width"] / count, box["y"] + 5)
        self.wait_for(f"editor.state.frameIndex === {frame_index}")
        self.page.wait_for_function(f"() => document.querySelector('.stage').dataset.frame === '{frame_index + 1}'")

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where on the page an image point lies."""
        place = self.ask(f"view.toPage({x}, {y})")
        assert isinstance(place, dict)
        return place["x"], place["y"]

    def reach(self, control: Locator) -> None:
        """Give a control the focus as Tab does: what the pointer touched gives the keys back to the cine."""
        self.page.keyboard.press("Tab")
        control.focus()

    def click(self, x: float, y: float) -> None:
        """Click on an image point with the chosen tool."""
        self.page.mouse.click(*self.at(x, y))

    def stroke(self, *points: tuple[float, float]) -> None:
        """Drag along image points with the chosen tool."""
        self.page.mouse.move(*self.at(*points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.at(*point), steps=5)
        self.page.mouse.up()

    def wait_saved(self) -> None:
        """Wait until the page says that everything is saved."""
        self.page.wait_for_selector('[data-testid="saved"][data-state="saved"]')

    def wait_idle(self, *, seconds: float = 240) -> None:
        """Wait until no job is under way and everything is saved."""
        active = "[...editor.state.jobs.values()].some((job) => ['QUEUED', 'RUNNING'].includes(job.status))"
        self.wait_for(f"editor.state.save === 'saved' && !({active})", seconds=seconds)

    def masks(self, label_index: int = 1) -> dict[str, dict[str, object]]:
        """Return {frame index: {area, provenance, accepted, data}} of a label."""
        found = self.ask(
            "Object.fromEntries([...editor.document.entries()]"
            f".filter((mask) => mask.labelIndex === {label_index}).map((mask) => [mask.frameIndex, "
            "{ area: mask.area, provenance: mask.provenance, accepted: mask.accepted,"
            " data: [...mask.data.slice(32)].join() }]))"
        )
        assert isinstance(found, dict)
        return found


@contextlib.contextmanager
def offline(context: BrowserContext) -> Iterator[None]:
    """Cut the browser off from the network for a while."""
    context.set_offline(True)
    try:
        yield
    finally:
        context.set_offline(False)
