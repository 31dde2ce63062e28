import { describe, expect, it, vi } from "vitest";
import { FrameLoader } from "./frames";
import type { CineInfo } from "./types";

function cine(frameCount: number): CineInfo {
  return {
    id: "c",
    title: "",
    patientKey: "",
    modality: "XA",
    frameCount,
    rows: 2,
    columns: 2,
    channels: 1,
    bitsAllocated: 8,
    window: [0, 255],
    windows: {},
    frameTimesMs: [],
    frameTimeSource: "assumed",
    display: {},
    warnings: [],
  };
}

describe("the frame loader", () => {
  it("asks for the current frame first and then outward, four at a time", async () => {
    const asked: number[] = [];
    const answers: (() => void)[] = [];
    const loader = new FrameLoader(cine(9), (number) => {
      asked.push(number);
      return new Promise((resolve) => answers.push(() => resolve(new ArrayBuffer(4))));
    });
    loader.moveTo(4);
    expect(asked).toEqual([5, 6, 4, 7]);
    for (let round = 0; round < 9; round++) {
      for (const answer of answers.splice(0)) answer();
      await Promise.resolve();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    expect([...asked].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(loader.loadedCount).toBe(9);
  });

  it("keeps what is near within its limit and drops what is far", async () => {
    let calls = 0;
    const loader = new FrameLoader(
      cine(100),
      async () => {
        calls += 1;
        return new ArrayBuffer(4);
      },
      4 * 10,
    );
    loader.moveTo(0);
    await vi.waitFor(() => expect(loader.loadedCount).toBe(10));
    loader.moveTo(90);
    await vi.waitFor(() => expect(loader.get(90)).toBeDefined());
    await vi.waitFor(() => expect(loader.get(0)).toBeUndefined());
    await vi.waitFor(() => expect(loader.get(95)).toBeDefined());
    expect(loader.loadedCount).toBe(10);
    expect(calls).toBe(20); // nothing is loaded, dropped and loaded again
  });

  it("tries again after a failure", async () => {
    vi.useFakeTimers();
    let calls = 0;
    const loader = new FrameLoader(cine(1), async () => {
      calls += 1;
      if (calls === 1) throw new TypeError("Failed to fetch");
      return new ArrayBuffer(4);
    });
    loader.moveTo(0);
    await vi.advanceTimersByTimeAsync(3000);
    expect(loader.get(0)).toEqual(new Uint8Array(4));
    vi.useRealTimers();
  });
});
