"""What a tab is told of the device of another."""

from __future__ import annotations

import pytest

from annotator.core.devices import device_of

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
AGENTS = [
    (f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/140.0 Safari/537.36", "Chrome on Linux"),
    (f"Mozilla/5.0 (Windows NT 10.0; Win64) {WEBKIT} Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0", "Firefox on Windows"),
    (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 15_5) {WEBKIT} Version/18.5 Safari/605.1", "Safari on macOS"),
    (f"Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) {WEBKIT} Version/18.5 Safari/604.1", "Safari on iPad"),
    (f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {WEBKIT} Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
    ("Mozilla/5.0 Firefox/143.0", "Firefox"),
    ("python-httpx/0.28", "another program"),
    ("", "another program"),
]


@pytest.mark.parametrize(("agent", "device"), AGENTS)
def test_devices(agent: str, device: str) -> None:
    """Whatever else a browser claims to be."""
    assert device_of(agent) == device
