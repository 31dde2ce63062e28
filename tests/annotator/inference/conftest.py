"""Fixtures of these tests."""

from tests.annotator.inference_fixtures import broker, hints, worker

__all__ = ["broker", "hints", "worker"]
