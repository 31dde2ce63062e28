import { describe, expect, it } from "vitest";
import type { CineInfo } from "./types";
import { presetsFor, tailsOf } from "./windows";

const cine = (change: Partial<CineInfo>) =>
  ({ modality: "XA", window: [40, 200], bitsAllocated: 8, display: {}, ...change }) as CineInfo;
const windowsOf = (info: CineInfo, frame: Uint8Array | Uint16Array) =>
  Object.fromEntries(presetsFor(info).map((preset) => [preset.id, preset.windowOf(frame)]));

describe("window presets", () => {
  it("are the file's own, full, narrow and auto for angiograms and echo", () => {
    const frame = Uint8Array.from({ length: 1000 }, (_, place) =>
      place < 5 ? 0 : place > 994 ? 255 : 100 + (place % 20),
    );
    expect(windowsOf(cine({}), frame)).toEqual({
      own: [40, 200],
      full: [0, 255],
      narrow: [80, 160],
      auto: [100, 119],
    });
  });

  it("take the full range of 16 bits from the frame", () => {
    const frame = Uint16Array.from([17, 900, 3000, 4095]);
    expect(windowsOf(cine({ bitsAllocated: 16 }), frame).full).toEqual([17, 4095]);
  });

  it("offer no window for a frame of one grey value", () => {
    expect(tailsOf(new Uint8Array(50).fill(7), 0.01)).toBeUndefined();
    expect(tailsOf(new Uint8Array(0), 0.01)).toBeUndefined();
  });

  it("take the tissues of a CT from the cine, if it has them", () => {
    const windows: CineInfo["windows"] = { mediastinum: [900, 1250], percentile: [3, 9] };
    const ids = (info: CineInfo) => presetsFor(info).map((preset) => preset.id);
    expect(ids(cine({ modality: "CT", bitsAllocated: 16, windows }))).toEqual([
      "own",
      "mediastinum",
      "full",
      "narrow",
      "auto",
    ]);
    expect(ids(cine({ windows }))).not.toContain("mediastinum");
  });

  it("cut off a hundredth at either end, as a sorted list would", () => {
    let seed = 9;
    for (let round = 0; round < 40; round++) {
      const frame = Uint16Array.from({ length: 400 }, () => {
        seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
        return (seed >> 8) % 3000;
      });
      const sorted = [...frame].sort((a, b) => a - b);
      expect(tailsOf(frame, 0.01)).toEqual([sorted[4], sorted[395]]);
    }
  });
});
