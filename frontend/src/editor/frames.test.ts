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

  it("keeps a cine whole that fits, and less about the cursor of one that does not", () => {
    const keep = (frameCount: number, side: number, bits: number) =>
      new FrameLoader(
        { ...cine(frameCount), rows: side, columns: side, bitsAllocated: bits },
        async () => new ArrayBuffer(0),
      ).keep;
    expect(keep(100, 1024, 16)).toBeGreaterThanOrEqual(100);
    expect(keep(800, 512, 8)).toBeGreaterThanOrEqual(800);
    expect(keep(1000, 512, 8)).toBe(572);
    expect(keep(10, 10_000, 16)).toBe(8);
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

  it("loads what comes next while the cine plays, around its end too, and keeps a pinned frame", async () => {
    const loader = new FrameLoader(cine(100), async () => new ArrayBuffer(4), 4 * 10);
    loader.pinned = 40;
    loader.moveTo(97, true);
    await vi.waitFor(() => expect(loader.loadedCount).toBe(10));
    const held = Array.from({ length: 100 }, (_, frame) => frame).filter((frame) => loader.get(frame));
    expect(held).toEqual([0, 1, 2, 3, 4, 40, 96, 97, 98, 99]);
    loader.moveTo(60, true);
    await vi.waitFor(() => expect(loader.get(66)).toBeDefined());
    expect(loader.get(40)).toBeDefined();
    expect(loader.loadedCount).toBe(10);
  });

  it("does not take a frame that is cut off for one", async () => {
    const loader = new FrameLoader(cine(1), async () => new ArrayBuffer(3));
    loader.moveTo(0);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(loader.get(0)).toBeUndefined();
    loader.close();
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

  it("tries all again when several failed at once", async () => {
    vi.useFakeTimers();
    let isDown = true;
    const loader = new FrameLoader(cine(6), async () => {
      if (isDown) throw new TypeError("Failed to fetch");
      return new ArrayBuffer(4);
    });
    loader.moveTo(0);
    await vi.advanceTimersByTimeAsync(1000);
    isDown = false;
    await vi.advanceTimersByTimeAsync(3000);
    expect(loader.loadedCount).toBe(6);
    vi.useRealTimers();
  });

  it("brings a frame that is needed from afar, before its neighbours, and keeps to its limit", async () => {
    const asked: number[] = [];
    const loader = new FrameLoader(
      cine(100),
      async (number) => {
        asked.push(number);
        return new Uint8Array([number, 0, 0, 0]).buffer;
      },
      4 * 10,
    );
    loader.moveTo(0);
    const [far, again] = await Promise.all([loader.need(80), loader.need(80)]);
    expect(far).toEqual(Uint8Array.from([81, 0, 0, 0]));
    expect(again).toBe(far);
    expect(asked.indexOf(81)).toBeLessThan(6);
    await vi.waitFor(() => expect(loader.loadedCount).toBe(10));
    expect(loader.get(80)).toBeUndefined();
    expect(await loader.need(3)).toBe(loader.get(3));
    expect(asked.filter((number) => number === 81)).toHaveLength(1);
  });

  it("lets those go who no longer need a frame", async () => {
    const asked: number[] = [];
    const loader = new FrameLoader(cine(50), (number) => {
      asked.push(number);
      return new Promise(() => undefined);
    });
    loader.moveTo(0);
    const leaving = new AbortController();
    const needs = [loader.need(40, leaving.signal), loader.need(41)];
    leaving.abort();
    await expect(needs[0]).rejects.toMatchObject({ name: "AbortError" });
    loader.close();
    await expect(needs[1]).rejects.toMatchObject({ name: "AbortError" });
    await expect(loader.need(0)).rejects.toMatchObject({ name: "AbortError" });
    expect(asked).not.toContain(41);
  });
});
