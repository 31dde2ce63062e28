"""Fixtures of these tests."""

from tests.annotator.inference_fixtures import broker

__all__ = ["broker"]
