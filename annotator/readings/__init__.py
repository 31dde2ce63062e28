"""Readings: what one reader did on one cine, as an append-only log of events and the masks that come of it."""
