"""What frames cost as gzip and as HTJ2K, and over which links HTJ2K pays: `make bench-transport`.

Both are encoded as the server does it (annotator.imaging.services) and decoded as the browser does it, with the pinned
codec of the frontend, in Node and so on the same engine; what gzip costs a browser is left out, in favour of gzip.
Times are the median of several rounds, and the lowest tenth, which says more where the machine is busy.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django
import numpy as np
import pydicom
from numpy.typing import NDArray

from annotator.bootstrap import FRONTEND, node_command
from annotator.imaging.services import htj2k
from fixtures.synthetic import generate_cine
from tests import machine
from tests.benchmarks.figure import print_figure

FRAMES, ROUNDS = 8, 15
REAL = "XA_rubo_RCA_96f.dcm"

DECODE = """
const [folder, rounds] = [process.argv[2], Number(process.argv[3])];
const fs = require("fs");
require(process.argv[4])({ print() {}, printErr() {} }).then((codec) => {
  const frames = JSON.parse(fs.readFileSync(folder + "/frames.json"));
  const times = {};
  for (let round = 0; round <= rounds; round++) {
    for (const { cine, name } of frames) {
      const sent = fs.readFileSync(`${folder}/${name}.jphc`);
      const pixels = fs.readFileSync(`${folder}/${name}.raw`);
      const decoder = new codec.HTJ2KDecoder();
      const begun = performance.now();
      decoder.getEncodedBuffer(sent.length).set(sent);
      decoder.decode();
      const decoded = decoder.getDecodedBuffer().slice();
      const ms = performance.now() - begun;
      if (Buffer.compare(decoded, pixels)) throw new Error(`${name} is not exact`);
      decoder.delete();
      if (round) (times[cine] ??= []).push(ms);
    }
  }
  console.log(JSON.stringify(times));
});
"""


@dataclass
class Costs:
    """A frame of one cine, both ways: bytes and milliseconds."""

    raw_bytes: float
    gzip_bytes: float
    htj2k_bytes: float
    gzip_ms: NDArray[np.float64]
    htj2k_ms: NDArray[np.float64]
    decode_ms: NDArray[np.float64]

    def pays_below_mbit(self, decode_ms: float) -> float:
        """Return the link speed at which what HTJ2K saves takes as long as decoding it; below that, it pays."""
        saved_bits = 8 * (self.gzip_bytes - self.htj2k_bytes)
        return max(0.0, saved_bits / (decode_ms * 1000))


def cines() -> dict[str, NDArray[Any]]:
    """Return frames by the name of their cine: synthetic angiograms, and a real one where the samples are here."""
    small = generate_cine("xa", seed=4711, frames=FRAMES, size=512).frames
    large = generate_cine("xa", seed=4711, frames=FRAMES, size=1024).frames
    grain = np.random.default_rng(4711).integers(0, 16, large.shape, np.uint16)
    found: dict[str, NDArray[Any]] = {"xa_512_8": small, "xa_1024_16": (large.astype(np.uint16) << 4) | grain}
    folder = machine.shared_data()
    if folder is not None and (folder / "dicom" / REAL).is_file():
        pixels = pydicom.dcmread(folder / "dicom" / REAL).pixel_array
        found["xa_real_512_8"] = pixels[:: max(1, len(pixels) // FRAMES)][:FRAMES]
    return found


def timed(work: Callable[[], bytes]) -> tuple[bytes, float]:
    """Return what a function gives and how many milliseconds it takes."""
    begun = time.perf_counter()
    result = work()
    return result, (time.perf_counter() - begun) * 1000


def encode(frame: NDArray[Any]) -> bytes:
    """Encode a frame as the server does."""
    codestream = htj2k.encode_frame(frame)
    if codestream is None:
        raise SystemExit("HTJ2K is not offered here; imagecodecs is not installed.")
    return codestream


def decode_times(folder: Path, frames: list[dict[str, str]]) -> dict[str, list[float]]:
    """Decode what lies in a folder with the frontend's codec; each frame has to be exact."""
    script = folder / "decode.cjs"
    script.write_text(DECODE)
    (folder / "frames.json").write_text(json.dumps(frames))
    codec = FRONTEND / "node_modules" / "@cornerstonejs" / "codec-openjph" / "dist" / "openjphjs.js"
    command = [*node_command(), str(script), str(folder), str(ROUNDS), str(codec)]
    told = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True).stdout
    times: dict[str, list[float]] = json.loads(told)
    return times


def measure(found: dict[str, NDArray[Any]], folder: Path) -> dict[str, Costs]:
    """Encode and decode every frame of every cine."""
    django.setup()
    from annotator.imaging.services.frames import GZIP_LEVEL  # it brings the models along

    names: list[dict[str, str]] = []
    sizes: dict[str, list[tuple[int, int, int]]] = {}
    spent: dict[str, list[tuple[float, float]]] = {}
    for cine, frames in found.items():
        for number, frame in enumerate(frames):
            raw = frame.tobytes()
            (folder / f"{cine}-{number}.raw").write_bytes(raw)
            for _ in range(ROUNDS):
                packed, gzip_ms = timed(lambda raw=raw: gzip.compress(raw, GZIP_LEVEL, mtime=0))  # type: ignore[misc]
                encoded, htj2k_ms = timed(lambda frame=frame: encode(frame))  # type: ignore[misc]
                spent.setdefault(cine, []).append((gzip_ms, htj2k_ms))
            (folder / f"{cine}-{number}.jphc").write_bytes(encoded)
            sizes.setdefault(cine, []).append((len(raw), len(packed), len(encoded)))
            names.append({"cine": cine, "name": f"{cine}-{number}"})
    decoded = decode_times(folder, names)
    costs = {}
    for cine in found:
        raw_bytes, gzip_bytes, htj2k_bytes = (float(size) for size in np.mean(sizes[cine], axis=0))
        gzip_times, htj2k_times = np.array(spent[cine]).T
        costs[cine] = Costs(raw_bytes, gzip_bytes, htj2k_bytes, gzip_times, htj2k_times, np.array(decoded[cine]))
    return costs


def main() -> int:
    """Measure and print the figure."""
    if not (FRONTEND / "node_modules" / "@cornerstonejs").is_dir():
        print("The frontend's packages are not installed; run `make develop`.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as name:
        costs = measure(cines(), Path(name))
    figures: dict[str, float | int | str | None] = {}
    for cine, cost in costs.items():
        print(
            f"{cine}: {cost.raw_bytes / 1024:.0f} KiB raw, gzip {cost.gzip_bytes / 1024:.0f}, "
            f"HTJ2K {cost.htj2k_bytes / 1024:.0f} KiB ({cost.htj2k_bytes / cost.gzip_bytes:.2f} of gzip)"
        )
        for text, times in (("gzip", cost.gzip_ms), ("HTJ2K", cost.htj2k_ms), ("HTJ2K decoded", cost.decode_ms)):
            print(f"  {text}: median {np.median(times):.2f} ms, p10 {np.percentile(times, 10):.2f} ms")
        middle, low = (cost.pays_below_mbit(float(np.percentile(cost.decode_ms, part))) for part in (50, 10))
        print(f"  HTJ2K pays below {middle:.0f} Mbit/s, by the lowest tenth below {low:.0f}")
        figures |= {
            f"{cine}_gzip_kib": round(cost.gzip_bytes / 1024, 1),
            f"{cine}_htj2k_kib": round(cost.htj2k_bytes / 1024, 1),
            f"{cine}_gzip_ms": round(float(np.median(cost.gzip_ms)), 2),
            f"{cine}_htj2k_ms": round(float(np.median(cost.htj2k_ms)), 2),
            f"{cine}_decode_ms": round(float(np.median(cost.decode_ms)), 2),
            f"{cine}_decode_p10_ms": round(float(np.percentile(cost.decode_ms, 10)), 2),
            f"{cine}_pays_below_mbit": round(middle),
            f"{cine}_pays_below_mbit_p10": round(low),
        }
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")
    print_figure(**figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
