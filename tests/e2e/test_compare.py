"""The second pane: the model or another reading against this one, to the pixel, and only for those who may."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import BrowserContext, Page

from tests.contract.stack import Stack
from tests.e2e.conftest import PASSWORD, ReadingRoom, sign_in
from workers.protocol.rle import encode_mask

Screenshot = Callable[[Page, str], None]

CAMPAIGN = "coronary-demo"
FRAME = 7
LABEL = "coronary_artery"

PIXEL = """([pane, x, y]) => {
    const image = document.querySelector(`[data-testid="${pane}"] .cine-image`);
    return [...image.getContext('2d').getImageData(x, y, 1, 1).data.slice(0, 3)];
}"""
"""The colour of an image pixel as a pane shows it."""

LINE = """([x, y]) => {
    const host = document.querySelector('[data-testid="second"]');
    const image = host.querySelector('.cine-image');
    const lines = host.querySelector('.cine-overlay');
    const at = new DOMMatrix(getComputedStyle(image).transform).transformPoint({ x, y });
    const ratio = window.devicePixelRatio || 1;
    const [left, top] = [Math.round(at.x * ratio) - 2, Math.round(at.y * ratio) - 2];
    const { data } = lines.getContext('2d').getImageData(left, top, 4, 4);
    let lightest = 0;
    for (let at = 0; at < data.length; at += 4) lightest = Math.max(lightest, data[at] * data[at + 3] / 255);
    return lightest;
}"""
"""How light a line is near an image point of the second pane, 0 without one."""


class Reader:
    """An account that works through the API."""

    def __init__(self, stack: Stack, username: str) -> None:
        self.http = httpx.Client(base_url=f"{stack.url}/api/v1/", timeout=60)
        token = self.http.post("auth/token/", json={"username": username, "password": PASSWORD}).json()["token"]
        self.http.headers["Authorization"] = f"Token {token}"

    def get(self, address: str) -> Any:
        """Return an answer that has to be good."""
        return self.http.get(address).raise_for_status().json()

    def open(self, cine: str) -> str:
        """Return the id of this account's reading of a cine."""
        answer = self.http.post("readings/", json={"cine": cine, "campaign": CAMPAIGN})
        return str(answer.raise_for_status().json()["id"])

    def draw(self, reading: str, mask: NDArray[np.bool_], frame: int = FRAME) -> None:
        """Draw a mask of the first label."""
        body = {
            "client_uuid": str(uuid.uuid4()),
            "base_revision": self.get(f"readings/{reading}/")["revision"],
            "kind": "edit",
            "payload": {
                "frame_index": frame,
                "label": LABEL,
                "mask": base64.b64encode(encode_mask(mask)).decode(),
                "tool": "brush",
            },
        }
        self.http.post(f"readings/{reading}/events/", json=body).raise_for_status()

    def submit(self, reading: str) -> None:
        """Submit a reading."""
        revision = self.get(f"readings/{reading}/")["revision"]
        self.http.post(f"readings/{reading}/submit/", json={"base_revision": revision}).raise_for_status()


def square(left: int, top: int, side: int = 40) -> NDArray[np.bool_]:
    """Return a mask of 256 x 256 with one square."""
    mask = np.zeros((256, 256), bool)
    mask[top : top + side, left : left + side] = True
    return mask


@pytest.fixture(scope="module")
def readers(stack: Stack) -> Iterator[dict[str, Reader]]:
    """Return the accounts of the demo, in a campaign where three may read a cine."""
    found = {name: Reader(stack, name) for name in ("admin", "reader1", "reader2")}
    change = found["admin"].http.patch(f"campaigns/{CAMPAIGN}/", json={"readings_per_cine": 3})
    change.raise_for_status()
    yield found
    for reader in found.values():
        reader.http.close()


@pytest.fixture(scope="module")
def readings(readers: dict[str, Reader]) -> dict[str, str]:
    """Return readings of one cine by their readers: the first reader and the manager drew squares that overlap."""
    fresh = readers["reader1"].get(f"worklist/?campaign={CAMPAIGN}&status=NEW&page_size=200")["results"]
    cines = {row["cine"]["id"] for row in fresh}
    other = next(row for row in readers["reader2"].get("readings/")["results"] if row["cine"] in cines)
    found = {"reader2": str(other["id"])}
    for name, left in (("reader1", 60), ("admin", 80)):
        found[name] = readers[name].open(other["cine"])
        readers[name].draw(found[name], square(left, 100))
    readers["reader1"].draw(found["reader1"], square(60, 100), FRAME + 1)
    readers["reader1"].submit(found["reader1"])
    return found


def enter(context: BrowserContext, username: str, reading: str) -> ReadingRoom:
    """Open a reading in the browser."""
    page = context.new_page()
    sign_in(page, username)
    page.goto(f"/readings/{reading}")
    room = ReadingRoom(page)
    room.wait_ready()
    room.wait_for("editor.frames.loadedCount >= editor.frames.wantedCount")
    return room


def choose(page: Page, name: str) -> None:
    """Choose what the second pane shows from the menu in its head."""
    page.get_by_test_id("second-choice").click()
    page.get_by_role("menuitemradio", name=name).click()


def colourful(page: Page, pane: str, x: int, y: int) -> int:
    """Return how far an image pixel is from grey: the cine is grey, masks are not."""
    page.wait_for_timeout(120)
    colour = page.evaluate(PIXEL, [pane, x, y])
    return int(max(colour) - min(colour))


def dice(page: Page, label: str = LABEL) -> str:
    """Return what the pane says of a label on this frame."""
    return str(page.locator(f'[data-testid="agreement"] tr[data-label="{label}"] td').first.inner_text())


def test_another_reading_beside_the_own_one(
    context: BrowserContext, readers: dict[str, Reader], readings: dict[str, str], screenshot: Screenshot
) -> None:
    """Each pane shows its own masks on the same frame; the lines over the other side are those of this reading."""
    room = enter(context, "admin", readings["admin"])
    page = room.page
    others = {row["id"]: row for row in readers["admin"].get(f"readings/{readings['admin']}/others/")["results"]}
    assert set(others) == {readings["reader1"], readings["reader2"]}
    room.go_to(FRAME)
    page.keyboard.press("Shift+N")
    page.get_by_test_id("second").wait_for()
    choose(page, others[readings["reader1"]]["reader"])
    page.wait_for_selector('[data-testid="second"][data-of="reading"]')
    room.wait_for(f"editor.comparison.version(1, {FRAME}) !== 0")
    page.mouse.move(5, 5)
    # Only there (65), in both (90), only here (115).
    assert [colourful(page, "second", x, 120) > 30 for x in (65, 90, 115)] == [True, True, False]
    assert [colourful(page, "stage", x, 120) > 30 for x in (65, 90, 115)] == [False, True, True]
    assert page.evaluate(LINE, [120, 120]) > 150, "the right edge of this reading's square"
    assert page.evaluate(LINE, [60, 130]) < 60, "no line at the edge of the other side's own square"
    assert dice(page) == "0.50"
    assert dice(page, "catheter") == "–"
    screenshot(page, "compare-reading")
    assert "irst reader" not in page.content().replace(readings["reader1"], "")
    page.keyboard.press("Shift+O")
    page.wait_for_timeout(120)
    assert page.evaluate(LINE, [120, 120]) == 0
    page.keyboard.press("Shift+O")
    page.keyboard.down("h")
    assert colourful(page, "second", 65, 120) < 12
    assert page.evaluate(LINE, [120, 120]) == 0
    page.keyboard.up("h")
    assert colourful(page, "second", 65, 120) > 30
    # One frame on only the other side has a mask; panes turn, zoom and play alike.
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"() => document.querySelector('[data-testid=second]').dataset.frame === '{FRAME + 2}'")
    assert dice(page) == "only in that one"
    assert colourful(page, "second", 65, 120) > 30
    assert colourful(page, "stage", 65, 120) < 12
    page.keyboard.press("Shift+R")
    page.wait_for_timeout(120)
    matrices = page.evaluate(
        """() => ["stage", "second"].map((pane) => new DOMMatrix(getComputedStyle(
            document.querySelector(`[data-testid="${pane}"] .cine-image`)).transform))
            .map(({ a, b, c, d, e, f }) => [a, b, c, d, e, f])"""
    )
    assert matrices[0] == pytest.approx(matrices[1], abs=1.5)
    page.keyboard.press("Space")
    apart = page.evaluate(
        """async () => {
            const frame = (pane) => document.querySelector(`[data-testid="${pane}"]`).dataset.frame;
            const [seen, apart] = [new Set(), []];
            for (let turn = 0; turn < 400 && seen.size < 5; turn++) {
                await new Promise((resolve) => setTimeout(resolve, 15));
                seen.add(frame("stage"));
                if (frame("stage") !== frame("second")) apart.push([frame("stage"), frame("second")]);
            }
            return [seen.size, apart];
        }"""
    )
    page.keyboard.press("Space")
    assert apart[0] >= 5
    assert apart[1] == []


def test_a_reader_is_blinded(context: BrowserContext, readers: dict[str, Reader], readings: dict[str, str]) -> None:
    """The pane says that there is nothing, and so does the API, whatever id is asked for."""
    room = enter(context, "reader1", readings["reader1"])
    page = room.page
    page.keyboard.press("Shift+U")
    page.get_by_text("There is no other reading of this cine that you may see.").wait_for()
    assert page.get_by_test_id("second").count() == 0
    page.keyboard.press("Shift+N")
    page.get_by_test_id("second-choice").click()
    page.get_by_role("menuitem", name="None that you may see").wait_for()
    page.keyboard.press("Escape")
    http = readers["reader1"].http
    assert readers["reader1"].get(f"readings/{readings['reader1']}/others/")["count"] == 0
    answers = {
        (answer.status_code, answer.text)
        for other in (readings["admin"], readings["reader2"], str(uuid.uuid4()))
        for answer in [http.get(f"readings/{readings['reader1']}/others/{other}/masks/")]
    }
    assert [status for status, _ in answers] == [404], answers


def test_the_model_beside_the_reader(
    context: BrowserContext, readers: dict[str, Reader], screenshot: Screenshot
) -> None:
    """What the model answered stays in the second pane when the reader rubs it out in the first."""
    rows = readers["admin"].get(f"worklist/?campaign={CAMPAIGN}&status=NEW&page_size=200")["results"]
    cine = next(row["cine"] for row in rows if row["cine"]["rows"] == 256)
    room = enter(context, "admin", readers["admin"].open(cine["id"]))
    page = room.page
    room.take_over()
    page.keyboard.press("Shift+N")
    page.get_by_text("The model has not been asked anything in this reading.").wait_for()
    room.go_to(FRAME)
    page.keyboard.press("b")
    room.stroke((4, 4), (250, 250))
    room.wait_idle()
    room.wait_for(f"editor.comparison.version(1, {FRAME}) !== 0")
    page.get_by_text("unchanged").wait_for()
    assert page.get_by_test_id("second-lack").count() == 0
    # A pixel well inside of what the model found, with room for the eraser.
    spot = room.ask(
        f"""((mask) => {{
            const inside = (x, y) => mask.bits[y * mask.width + x] === 1;
            for (let y = 1; y < mask.height - 1; y++) for (let x = 1; x < mask.width - 1; x++)
                if (inside(x, y) && inside(x - 1, y) && inside(x + 1, y) && inside(x, y - 1) && inside(x, y + 1))
                    return [mask.x0 + x, mask.y0 + y];
        }})(editor.document.pixels(1, {FRAME}))"""
    )
    assert isinstance(spot, list)
    x, y = int(spot[0]), int(spot[1])
    assert colourful(page, "stage", x, y) > 30
    page.keyboard.press("e")
    room.stroke((x + 0.5, y + 0.5), (x + 1.5, y + 0.5))
    room.wait_saved()
    page.mouse.move(5, 5)
    page.keyboard.press("g")
    assert colourful(page, "stage", x, y) < 12
    assert colourful(page, "second", x, y) > 30
    shown = float(dice(page))
    expected = room.ask(
        f"""((own, other) => {{
            const at = (mask, x, y) => x >= mask.x0 && y >= mask.y0 && x < mask.x0 + mask.width
                && y < mask.y0 + mask.height ? mask.bits[(y - mask.y0) * mask.width + x - mask.x0] : 0;
            let [sizes, shared] = [0, 0];
            for (let y = 0; y < 256; y++) for (let x = 0; x < 256; x++) {{
                sizes += at(own, x, y) + at(other, x, y);
                shared += at(own, x, y) * at(other, x, y);
            }}
            return 2 * shared / sizes;
        }})(editor.document.pixels(1, {FRAME}), editor.comparison.pixels(1, {FRAME}))"""
    )
    assert 0 < shown < 1
    assert shown == pytest.approx(float(str(expected)), abs=0.011)
    room.wait_for(f"editor.comparison.last(1, {FRAME}).dice < 1")
    page.wait_for_timeout(200)
    strip = page.evaluate(
        """([frame, frames]) => {
            const canvas = document.querySelector('[data-testid="agreement-strip"]');
            const { data, width } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            const coloured = (frame) => {
                const x = Math.floor((frame + 0.5) * width / frames);
                let rows = 0;
                for (let y = 0; y < canvas.height; y++) {
                    const at = 4 * (y * width + x);
                    const colour = data.slice(at, at + 3);
                    if (Math.max(...colour) - Math.min(...colour) > 40) rows++;
                }
                return rows / canvas.height;
            };
            return [coloured(frame), coloured(frame + 1)];
        }""",
        [FRAME, cine["frame_count"]],
    )
    assert strip[0] > 0.3, "a bar as high as Dice"
    assert strip[1] == 0, "nothing was asked on the next frame"
    screenshot(page, "compare-model")
    page.keyboard.press("Control+z")
    page.get_by_text("unchanged").wait_for()
    assert colourful(page, "stage", x, y) > 30
    # The answer stays in sight when the question is taken back.
    page.keyboard.press("Control+z")
    page.get_by_text("only the model, taken back").wait_for()
    assert colourful(page, "stage", x, y) < 12
    assert colourful(page, "second", x, y) > 30


def test_the_choice_is_made_by_keyboard_alone(context: BrowserContext, readings: dict[str, str]) -> None:
    """The menu in the pane's head opens, moves and chooses with keys; closing is a button among them."""
    room = enter(context, "admin", readings["admin"])
    page = room.page
    room.go_to(FRAME)
    page.keyboard.press("Shift+V")
    page.wait_for_selector('[data-testid="second"][data-of="frame"]')
    page.get_by_test_id("second-choice").focus()
    page.keyboard.press("Enter")
    page.get_by_role("menuitemradio", name="What the model answered").wait_for()
    page.keyboard.press("ArrowDown")
    for _ in range(4):
        if "model answered" in page.evaluate("document.activeElement.textContent"):
            break
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector('[data-testid="second"][data-of="model"]')
    page.get_by_role("button", name="Close the second pane").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => !document.querySelector('[data-testid=second]')")


def test_a_campaign_without_a_model_says_so(context: BrowserContext, stack: Stack, readers: dict[str, Reader]) -> None:
    """A reader without assistance has no model to compare with."""
    rows = readers["admin"].get(f"worklist/?campaign={CAMPAIGN}&status=NEW&page_size=200")["results"]
    stack.manage(
        "shell",
        "-c",
        "from annotator.campaigns.models import Campaign;"
        f"Campaign.objects.filter(slug='{CAMPAIGN}').update(current_model_id=None, current_checkpoint='')",
    )
    room = enter(context, "admin", readers["admin"].open(rows[-1]["cine"]["id"]))
    room.page.keyboard.press("Shift+N")
    room.page.get_by_text("This campaign gives no assistance: there is no model to compare with.").wait_for()
