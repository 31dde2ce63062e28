"""Fixtures of these tests."""

from collections.abc import Iterator

import pytest
from channels.layers import channel_layers

from tests.annotator.inference_fixtures import broker, hints, worker

__all__ = ["broker", "hints", "worker"]


@pytest.fixture(autouse=True)
def own_channel_layer() -> Iterator[None]:
    """Give each test a channel layer of its own: it keeps locks of its event loop, and each test has another loop."""
    channel_layers.backends.clear()
    yield
    channel_layers.backends.clear()
