"""What a line prompt means to a model: the box around the longest diameter of a structure."""

from __future__ import annotations

from collections.abc import Sequence


def box_of_line(line: Sequence[float], *, rows: int, columns: int) -> list[float]:
    """Return the box that a line asks for.

    Parameters
    ----------
    line : [x0, y0, x1, y1]
        Both ends of the longest diameter in image pixels, inside the image.
    rows, columns : int
        Size of the image.

    Returns
    -------
    [x0, y0, x1, y1]
        The square that is centred on the line and has its length as its side, cut at the image.

    Notes
    -----
    The smallest box around the circle that has the line as a diameter, however the line is turned; the box around the
    line alone would have no area where it runs along an axis. MedSAM2 reads the diameters of RECIST 1.1 in this way
    (``get_diameter_bbox`` in medfm-flare/MedSAM2-RECIST, there in whole pixels).
    """
    x0, y0, x1, y1 = line
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    half = length_of_line(line) / 2
    return [max(x - half, 0.0), max(y - half, 0.0), min(x + half, float(columns)), min(y + half, float(rows))]


def length_of_line(line: Sequence[float]) -> float:
    """Return the length of a line [x0, y0, x1, y1] in pixels."""
    x0, y0, x1, y1 = line
    return float(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5)
