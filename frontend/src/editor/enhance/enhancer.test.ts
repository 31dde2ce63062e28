import { beforeEach, describe, expect, it, vi } from "vitest";
import { bolus, phantom } from "../../testing/phantom";
import { FrameLoader } from "../frames";
import { createEditorStore, type EditorStore } from "../state";
import type { CineInfo } from "../types";
import { PictureCache } from "./cache";
import { Enhancer } from "./enhancer";
import { PLAIN, viewName } from "./state";

const SIDE = 96;
const COUNT = 24;
const film = phantom(11, COUNT, SIDE, bolus(6, 12, 16, 22), { noise: 2 });

let store: EditorStore;
let asked: number[];
let repaints: number;
let notices: string[];
let frames: FrameLoader;
let enhance: Enhancer;

function start(change: Partial<CineInfo> = {}, limitBytes?: number): void {
  const cine = {
    modality: "XA",
    frameCount: COUNT,
    rows: SIDE,
    columns: SIDE,
    channels: 1,
    bitsAllocated: 8,
    window: [0, 255],
    ...change,
  } as CineInfo;
  [asked, repaints, notices] = [[], 0, []];
  store = createEditorStore({ window: [40, 200] });
  frames = new FrameLoader(
    cine,
    async (number) => {
      asked.push(number);
      return (film.frames[number - 1] as Uint8Array).slice().buffer;
    },
    limitBytes,
  );
  enhance = new Enhancer(
    {
      cine,
      frames,
      get state() {
        return store.getState();
      },
      set: (next) => store.setState(next),
      repaint: () => {
        repaints += 1;
      },
      notify: (code) => {
        notices.push(code);
      },
    },
    async () => 5,
  );
  frames.moveTo(0);
}

const view = () => store.getState().enhance;
const isReady = () => vi.waitFor(() => expect(view().progress).toBe(1));
const allLoaded = () => vi.waitFor(() => expect(frames.loadedCount).toBe(COUNT));

beforeEach(() => start());

describe("the views", () => {
  it("are the stored pixels themselves while none is on", async () => {
    await allLoaded();
    expect(enhance.pixels(3)).toBe(frames.get(3));
    expect(enhance.pixels(COUNT)).toBeUndefined();
  });

  it("never change the stored pixels", async () => {
    await allLoaded();
    for (const mode of ["subtraction", "minimum", "contrast"] as const) {
      enhance.set({ mode });
      await isReady();
      expect(enhance.pixels(14)).not.toEqual(film.frames[14]);
    }
    for (let frame = 0; frame < COUNT; frame++) expect(frames.get(frame)).toEqual(film.frames[frame]);
  });

  it("subtract a frame from itself to mid-grey, in the cine's own window, and give the reader's window back", async () => {
    await allLoaded();
    enhance.set({ mode: "subtraction", maskFrame: 5 });
    await isReady();
    expect(new Set(enhance.pixels(5))).toEqual(new Set([128]));
    expect(Math.min(...(enhance.pixels(14) ?? []))).toBeLessThan(100);
    expect(store.getState().window).toEqual([0, 255]);
    enhance.toggle("subtraction");
    expect(view().mode).toBe("none");
    expect(store.getState().window).toEqual([40, 200]);
  });

  it("show the stored pixels until what they need is there", async () => {
    start({}, SIDE * SIDE * 8);
    await vi.waitFor(() => expect(frames.loadedCount).toBe(8));
    enhance.set({ mode: "subtraction", maskFrame: 20 });
    expect(view().progress).toBe(0);
    expect(enhance.pixels(2)).toBe(frames.get(2));
    await isReady();
    expect(asked).toContain(21);
    expect(enhance.pixels(2)).not.toBe(frames.get(2));
  });

  it("project all frames or a range of them, however few are kept", async () => {
    start({}, SIDE * SIDE * 8);
    enhance.set({ mode: "minimum" });
    await isReady();
    const least = (first: number, last: number) =>
      (film.frames[0] as Uint8Array).map((_, place) =>
        Math.min(...film.frames.slice(first, last + 1).map((frame) => frame[place] as number)),
      );
    await vi.waitFor(() => expect(enhance.pixels(0)).toEqual(least(0, COUNT - 1)));
    enhance.set({ range: [3, 9] });
    await isReady();
    expect(enhance.pixels(0)).toEqual(least(3, 9));
  });

  it("keep to the newest of several changes made at once", async () => {
    await allLoaded();
    enhance.set({ mode: "minimum" });
    enhance.set({ range: [0, 1] });
    enhance.set({ range: [4, 4] });
    await isReady();
    expect(enhance.pixels(0)).toEqual(film.frames[4]);
  });

  it("are made once for each frame and setting", async () => {
    await allLoaded();
    enhance.set({ mode: "contrast" });
    await isReady();
    const first = enhance.pixels(7);
    expect(enhance.pixels(7)).toBe(first);
    enhance.set({ clip: 6 });
    await isReady();
    expect(enhance.pixels(7)).not.toEqual(first);
    enhance.set({ clip: 3 });
    await isReady();
    expect(enhance.pixels(7)).toBe(first);
  });

  it("shift the mask by nudges, within limits, and find the shift by themselves", async () => {
    await allLoaded();
    enhance.set({ mode: "subtraction", maskFrame: 2 });
    await isReady();
    enhance.nudge(0.25, -0.5);
    enhance.nudge(0.25, 0);
    expect(view().shift).toEqual([0.5, -0.5]);
    expect(new Set(enhance.pixels(2)).size).toBeGreaterThan(3);
    enhance.nudge(1000, -1000);
    expect(view().shift).toEqual([32, -32]);
    store.setState({ frameIndex: 2 });
    await enhance.align();
    expect(view().shift).toEqual([0, 0]);
    expect(view().isAligning).toBe(false);
  });

  it("take the logarithm of intensities, and not of what the file says is one already", async () => {
    const differences: Record<string, number[]> = {};
    for (const relationship of ["", "LIN", "LOG", "DISP"] as const) {
      start({ intensityRelationship: relationship });
      await allLoaded();
      enhance.set({ mode: "subtraction", maskFrame: 2 });
      await isReady();
      differences[relationship] = [...(enhance.pixels(14) as Uint8Array)];
    }
    expect(differences.LIN).toEqual(differences[""]);
    expect(differences.DISP).toEqual(differences.LOG);
    const [frame, mask] = [film.frames[14] as Uint8Array, film.frames[2] as Uint8Array];
    const plain = [...frame].map((value, place) => Math.floor(128 + 2 * (value - (mask[place] as number))));
    expect(differences.LOG).toEqual(plain.map((value) => Math.min(Math.max(value, 0), 255)));
    expect(differences.LIN).not.toEqual(differences.LOG);
  });

  it("average as many frames as there are from the mask on", async () => {
    await allLoaded();
    enhance.set({ mode: "subtraction", maskCount: 4, maskFrame: COUNT - 1 });
    await isReady();
    expect(view().maskFrame).toBe(COUNT - 4);
    expect(viewName(view())).toBe(`Subtraction of the mean of frames ${COUNT - 3} to ${COUNT}`);
  });

  it("are refused for what is no angiogram", () => {
    for (const change of [{ modality: "US" }, { channels: 3 }]) {
      start(change);
      enhance.toggle("minimum");
      expect(notices).toEqual(["view_not_offered"]);
      expect(view()).toEqual(PLAIN);
    }
  });

  it("repaint when they are ready", async () => {
    await allLoaded();
    enhance.set({ mode: "minimum" });
    const before = repaints;
    await isReady();
    expect(repaints).toBeGreaterThan(before);
  });
});

describe("the suggestion", () => {
  it("names full frames, and gives the subtraction an empty one", async () => {
    await enhance.suggest();
    expect(view().suggesting).toBe("done");
    const found = view().suggestions;
    expect(found.length).toBeGreaterThanOrEqual(3);
    const most = Math.max(...film.areas);
    expect(film.areas[found[0]?.frameIndex as number]).toBeGreaterThan(0.9 * most);
    expect(found[0]?.score).toBe(1);
    expect(found[0]?.picture.values.length).toBe(SIDE * SIDE);
    enhance.toggle("subtraction");
    expect(film.areas[view().maskFrame as number]).toBeLessThan(0.1 * most);
  });

  it("can be stopped and asked for again, and is not repeated", async () => {
    const first = enhance.suggest();
    enhance.stopSuggesting();
    await first;
    expect(view()).toMatchObject({ suggesting: "stopped", suggestions: [] });
    await enhance.suggest();
    const found = view().suggestions;
    await enhance.suggest();
    expect(view().suggestions).toBe(found);
    enhance.set({ bright: true });
    await enhance.suggest();
    expect(view().suggestions).not.toBe(found);
  });

  it("is not offered where there is nothing to choose from", async () => {
    start({ frameCount: 2 });
    await enhance.suggest();
    expect(view().suggesting).toBe("no");
  });
});

describe("the cache of pictures", () => {
  it("forgets what was not used for longest, and never what it just made", () => {
    const cache = new PictureCache(30);
    const make = (value: number) => () => new Uint8Array(10).fill(value);
    const first = cache.get("a", make(1));
    cache.get("b", make(2));
    cache.get("c", make(3));
    expect(cache.get("a", make(9))).toBe(first);
    cache.get("d", make(4));
    expect(cache.size).toBe(3);
    expect(cache.get("a", make(9))).toBe(first);
    expect(cache.get("b", make(5))[0]).toBe(5);
    expect(cache.get("huge", () => new Uint8Array(500)).length).toBe(500);
    expect(cache.size).toBe(1);
  });
});
