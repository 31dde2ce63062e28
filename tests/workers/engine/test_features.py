"""The store keeps what was used last and never more than it may."""

from __future__ import annotations

import torch

from workers.engine.features import FeatureKey, FeatureStore


def key(frame: int, cine: str = "c") -> FeatureKey:
    return FeatureKey(cine, "m", "p", (0.0, 255.0), "XA", frame)


def tensors(kilobytes: int) -> tuple[torch.Tensor, ...]:
    return (torch.zeros(kilobytes, 256, dtype=torch.float16), torch.zeros(kilobytes, 256, dtype=torch.float16))


def test_drops_what_was_not_used_for_longest():
    store = FeatureStore(3 * 1024)
    for frame in range(3):
        store.put(key(frame), tensors(1))
    assert store.get(key(0)) is not None
    store.put(key(3), tensors(1))
    assert [frame for frame in range(4) if key(frame) in store] == [0, 2, 3]
    assert store.bytes == 3 * 1024


def test_never_holds_more_than_it_may():
    store = FeatureStore(10 * 1024)
    for frame in range(100):
        store.put(key(frame), tensors(1 + frame % 4))
        assert store.bytes <= 10 * 1024
        assert store.bytes == sum(t.nbytes for f in range(100) if key(f) in store for t in store.get(key(f)))


def test_replacing_and_what_is_too_large():
    store = FeatureStore(4 * 1024)
    store.put(key(0), tensors(1))
    store.put(key(0), tensors(2))
    assert (len(store), store.bytes) == (1, 2 * 1024)
    store.put(key(1), tensors(5))
    assert key(1) not in store
    assert key(0) in store
    store.clear()
    assert (len(store), store.bytes) == (0, 0)


def test_cines_do_not_share():
    store = FeatureStore(1 << 20)
    store.put(key(0), tensors(1))
    assert store.get(key(0, cine="other")) is None


def test_a_long_cine_leaves_the_others_their_place():
    store = FeatureStore(8 * 1024, 4 * 1024)
    for frame in range(3):
        store.put(key(frame, cine="short"), tensors(1))
    for frame in range(50):
        store.put(key(frame, cine="long"), tensors(1))
        assert store.bytes_of("long") <= 4 * 1024
    assert all(key(frame, cine="short") in store for frame in range(3))
    assert [frame for frame in range(50) if key(frame, cine="long") in store] == [46, 47, 48, 49]
    assert store.bytes == store.bytes_of("long") + store.bytes_of("short") == 7 * 1024
    store.put(key(0, cine="other"), tensors(5))
    assert store.bytes_of("other") == 0


def test_what_nobody_has_wanted_for_long_is_dropped(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("workers.engine.features.time.monotonic", lambda: now[0])
    store = FeatureStore(1 << 20)
    for frame in range(3):
        store.put(key(frame), tensors(1))
        now[0] += 10
    store.get(key(0))
    now[0] += 15
    store.drop_unused(30)
    assert [frame for frame in range(3) if key(frame) in store] == [0, 2]
    store.drop_unused(0.5)
    assert (len(store), store.bytes, store.bytes_of("c")) == (0, 0, 0)
    store.put(key(1), tensors(1))
    assert store.bytes == 1024
