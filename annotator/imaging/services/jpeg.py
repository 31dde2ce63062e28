"""Repair what some encoders write wrongly into the headers of JPEG streams."""

from __future__ import annotations

import struct

START = b"\xff\xd8\xff"
SEQUENTIAL = (0xC0, 0xC1)
START_OF_SCAN = 0xDA
WHOLE_SPECTRUM = bytes([0, 63])


def repair_spectral_selection(data: bytes) -> bytes:
    """Return encapsulated sequential JPEG streams whose scans cover the whole spectrum.

    Notes
    -----
    ITU-T T.81 table B.3 fixes Ss = 0 and Se = 63 for the sequential modes; some encoders of 12-bit angiograms wrote
    Se = 0, which decoders refuse although the scan is good. No other byte changes.
    """
    repaired = bytearray(data)
    start = data.find(START)
    while start != -1:
        scan = _sequential_scan(data, start + 2)
        if scan is not None:
            place = scan + 5 + 2 * data[scan + 4]
            if place + 2 <= len(data):
                repaired[place : place + 2] = WHOLE_SPECTRUM
        start = data.find(START, start + 2)
    return bytes(repaired)


def _sequential_scan(data: bytes, place: int) -> int | None:
    """Return where the first scan header of a sequential stream begins, None in any other stream."""
    is_sequential = False
    while place + 5 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == START_OF_SCAN:
            return place if is_sequential else None
        is_sequential = is_sequential or marker in SEQUENTIAL
        place += 1 if marker == 0xFF else 2 + struct.unpack(">H", data[place + 2 : place + 4])[0]
    return None
