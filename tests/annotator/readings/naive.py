"""The log of a reading, folded in the most naive way: by playing it again from the start."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workers.protocol.rle import decode_mask, encode_mask

Pair = tuple[str, int]


@dataclass
class NaiveReading:
    """Keeps every event in a list and folds the list for each question."""

    events: list[dict[str, Any]] = field(default_factory=list)

    size: tuple[int, int] = (12, 16)

    def append(self, seq: int, event_id: str, kind: str, payload: dict[str, Any]) -> None:
        """Add an event."""
        event = {"seq": seq, "id": event_id, "kind": kind, "payload": payload}
        if kind == "relabel":
            event["results"] = self.moved(payload)
        self.events.append(event)

    def moved(self, payload: dict[str, Any]) -> dict[Pair, bytes]:
        """Return both masks of every frame of a relabelling."""
        current, results = self.masks(), {}
        nothing = encode_mask(np.zeros(self.size, bool))
        for frame in payload["frame_indices"]:
            giver, taker = (payload["label"], frame), (payload["to"], frame)
            both = decode_mask(current[giver]) | decode_mask(current.get(taker, nothing))
            results |= {giver: nothing, taker: encode_mask(both)}
        return results

    def standing(self) -> list[dict[str, Any]]:
        """Return the events that are neither reversals nor undone."""
        undone: set[str] = set()
        for event in self.events:
            if event["kind"] == "undo":
                undone.add(event["payload"]["target"])
            if event["kind"] == "redo":
                undone.discard(event["payload"]["target"])
        return [event for event in self.events if event["kind"] not in ("undo", "redo") and event["id"] not in undone]

    def masks(self) -> dict[Pair, bytes]:
        """Return the current mask of every (label, frame) that has one."""
        current: dict[Pair, bytes] = {}
        for event in self.standing():
            for edit in self.edits(event):
                current[edit["label"], edit["frame_index"]] = base64.b64decode(edit["mask"])
            for pair, mask in event.get("results", {}).items():
                current[pair] = mask
        return current

    @staticmethod
    def edits(event: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what an event drew, mask by mask."""
        return event["payload"].get("edits", [event["payload"]]) if event["kind"] == "edit" else []

    def accepted(self) -> set[int]:
        """Return the accepted frames."""
        frames: set[int] = set()
        for event in self.standing():
            if event["kind"] == "accept":
                named = set(event["payload"]["frame_indices"])
                frames = frames | named if event["payload"]["accepted"] else frames - named
        return frames

    def prompts(self, pair: Pair) -> list[list[float]]:
        """Return the points that stand on a frame for a label."""
        points: list[list[float]] = []
        for event in self.standing():
            payload = event["payload"]
            if any((edit["label"], edit["frame_index"]) == pair for edit in self.edits(event)):
                points = []
            if event["kind"] == "relabel" and pair in event["results"]:
                points = []
            if event["kind"] == "prompt" and (payload["label"], payload["frame_index"]) == pair:
                points += [[p["x"], p["y"], float(p["positive"])] for p in payload["points"]]
        return points

    def record(self, event_id: str, pair: Pair, mask: bytes) -> None:
        """Note a mask that a model computed for an event."""
        event = next(event for event in self.events if event["id"] == event_id)
        event.setdefault("results", {})[pair] = mask
