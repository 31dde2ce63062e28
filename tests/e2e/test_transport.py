"""Frames as HTJ2K in a real Chromium: asked for over a slow link only, exact to the bit, and left when it fails."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route

from fixtures.synthetic import generate_cine
from tests.contract.stack import Stack
from tests.e2e.conftest import ReadingRoom, open_import, sign_in, watched_context
from tests.factories.imaging import dicom_bytes

Screenshot = Callable[[Page, str], None]
FRAMES, SIDE = 28, 512
SLOW, FAST = 3, 0
"""Mbit/s; 0 for what the machine gives."""

TELL_OF_A_FAST_LINK = """Object.defineProperty(PerformanceResourceTiming.prototype, "responseEnd", {
    get() { return this.responseStart + 0.1; },
})"""
"""Whatever else keeps this machine busy: bodies take no time."""

DIGESTS = """async () => {
    const { editor } = window.__cineloop;
    const hex = (bytes) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const digests = [];
    for (let frame = 0; frame < editor.cine.frameCount; frame++) {
        digests.push(hex(await crypto.subtle.digest("SHA-256", await editor.frames.need(frame))));
    }
    return digests;
}"""


def angiogram(seed: int, bits: int) -> NDArray[Any]:
    """Return frames of an angiogram; those of 12 bits in 16 have noise in the lower four."""
    frames = generate_cine("xa", seed=seed, frames=FRAMES, size=SIDE).frames
    if bits == 8:
        return frames
    grain = np.random.default_rng(seed).integers(0, 16, frames.shape, np.uint16)
    return (frames.astype(np.uint16) << 4) | grain


class Traffic:
    """What the pages of a browser ask for while it is watched."""

    def __init__(self, context: BrowserContext) -> None:
        self.asked: list[Request] = []
        context.on("request", lambda request: self.asked.append(request))

    def frames(self, accept: str = "") -> list[Request]:
        """Return the requests for frames whose header names a type."""
        wanted = [request for request in self.asked if "/frames/" in request.url and request.method == "GET"]
        return [request for request in wanted if accept in request.headers.get("accept", "")]

    def decoders(self) -> list[str]:
        """Return what was fetched of the decoder."""
        return [request.url for request in self.asked if "decoder.worker" in request.url or ".wasm" in request.url]


@pytest.fixture
def context(browser: Browser, stack: Stack) -> Iterator[BrowserContext]:
    """Return a browser with an empty cache."""
    with watched_context(browser, stack) as made:
        yield made


def throttle(page: Page, megabits: float) -> None:
    """Make the link of a page slow, as the browser's own tools do; 0 leaves it as it is."""
    if not megabits:
        return
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    bytes_a_second = megabits * 1e6 / 8
    conditions = {"offline": False, "latency": 20, "downloadThroughput": bytes_a_second, "uploadThroughput": -1}
    session.send("Network.emulateNetworkConditions", conditions)


def open_cine(context: BrowserContext, folder: Path, frames: NDArray[Any], bits: int, megabits: float) -> ReadingRoom:
    """Import frames and open their reading over a link of some speed; wait until all are loaded."""
    path = folder / "transport.dcm"
    path.write_bytes(dicom_bytes(frames, bits=bits, FrameTime="66"))
    page = context.new_page()
    sign_in(page, "admin")
    throttle(page, megabits)
    return open_import(page, path, FRAMES, seconds=120)


def expected(frames: NDArray[Any]) -> list[str]:
    """Return the digests of frames as they have to be."""
    return [hashlib.sha256(frame.astype(frame.dtype.newbyteorder("<")).tobytes()).hexdigest() for frame in frames]


def told(room: ReadingRoom) -> str:
    """Return what the page says about its connection."""
    room.page.get_by_test_id("saved").hover()
    tip = room.page.get_by_role("tooltip").filter(has_text="Frames come")
    tip.wait_for()
    return tip.inner_text()


@pytest.mark.parametrize("bits", [8, 12])
def test_over_a_slow_link_frames_come_as_htj2k_and_are_exact(
    bits: int, context: BrowserContext, tmp_path: Path, screenshot: Screenshot
) -> None:
    """The first come as they are; then, once the decoder is here, the others; every pixel is that of the file."""
    frames = angiogram(2 if bits == 8 else 4, bits)
    traffic = Traffic(context)
    room = open_cine(context, tmp_path, frames, bits, SLOW)
    assert room.page.evaluate(DIGESTS) == expected(frames)
    assert len(traffic.decoders()) == 2
    encoded = traffic.frames("image/jphc")
    assert 5 <= len(encoded) <= FRAMES - 6
    first = [request.headers.get("accept", "") for request in traffic.frames()[:6]]
    assert not any("jphc" in accept for accept in first)
    kinds = {(response := request.response()) and response.headers["content-type"] for request in encoded}
    assert kinds == {"image/jphc"}
    assert room.ask("editor.state.transport.form") == "htj2k"
    assert room.ask("editor.state.transport.encodedBytes < 0.85 * editor.state.transport.plainBytes")
    said = told(room)
    assert said.startswith("Frames come as HTJ2K, ")
    assert "% less) over about " in said
    speed = float(str(room.ask("editor.state.transport.speed * 8 / 1000")))
    assert 0 < speed < SLOW * 2
    screenshot(room.page, f"transport-{bits}")


def test_over_a_fast_link_nobody_pays_for_a_decoder(context: BrowserContext, tmp_path: Path) -> None:
    """Frames come as they always did, and nothing of the decoder is fetched."""
    frames = angiogram(9, 8)
    context.add_init_script(TELL_OF_A_FAST_LINK)
    traffic = Traffic(context)
    room = open_cine(context, tmp_path, frames, 8, FAST)
    assert room.page.evaluate(DIGESTS) == expected(frames)
    assert len(traffic.frames()) == FRAMES
    assert traffic.frames("jphc") == []
    assert traffic.decoders() == []
    assert told(room).startswith("Frames come as gzip, ")
    # Opened again, they come out of the browser's cache, which tells nothing of the link.
    room.page.reload()
    room.wait_ready()
    room.wait_for("editor.frames.loadedCount >= editor.frames.wantedCount")
    assert room.page.evaluate(DIGESTS) == expected(frames)
    assert room.ask("editor.state.transport.speed") is None
    assert traffic.decoders() == []


def test_a_frame_that_is_damaged_comes_the_other_way(context: BrowserContext, tmp_path: Path) -> None:
    """The codec would show it all the same; the checksum does not match, and the reading goes on without HTJ2K."""
    frames = angiogram(7, 8)
    traffic = Traffic(context)

    def damage(route: Route) -> None:
        if route.request.method == "HEAD" or "jphc" not in route.request.headers.get("accept", ""):
            route.continue_()
            return
        answer = route.fetch()
        body = bytearray(answer.body())
        middle = len(body) // 2
        body[middle : middle + 400] = bytes(400)
        route.fulfill(response=answer, body=bytes(body))

    context.route("**/frames/*/", damage)
    room = open_cine(context, tmp_path, frames, 8, SLOW)
    assert room.page.evaluate(DIGESTS) == expected(frames)
    assert 1 <= len(traffic.frames("jphc")) <= 8
    assert room.ask("editor.state.transport.refused") == "failed"
    assert told(room).endswith("One that came as HTJ2K could not be decoded.")


def test_a_decoder_that_does_not_start_costs_no_frame(context: BrowserContext, tmp_path: Path) -> None:
    """As where a policy of the browser forbids WebAssembly."""
    frames = angiogram(10, 8)
    traffic = Traffic(context)
    context.route("**/*.wasm", lambda route: route.abort())
    room = open_cine(context, tmp_path, frames, 8, SLOW)
    assert room.page.evaluate(DIGESTS) == expected(frames)
    assert traffic.frames("jphc") == []
    assert room.ask("editor.state.transport.refused") == "failed"
