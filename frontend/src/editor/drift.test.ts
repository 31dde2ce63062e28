import { describe, expect, it } from "vitest";
import { findingsOf, findingText } from "./attention";
import { decodeMask, encodeMask, toBase64, toBitmap } from "./codec";
import { ReadingDocument } from "./document";
import { jumpsOf, type LabelFrame } from "./drift";
import { momentsOf } from "./moments";

const SIDE = 96;
const LABEL = { code: "ventricle", name: "Ventricle", colour: "#ff0000", index: 1 };

function ellipse(x: number, y: number, rx: number, ry: number): Uint8Array {
  const bitmap = new Uint8Array(SIDE * SIDE);
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++) {
      if (((column + 0.5 - x) / rx) ** 2 + ((row + 0.5 - y) / ry) ** 2 <= 1) bitmap[row * SIDE + column] = 1;
    }
  }
  return encodeMask(bitmap, SIDE, SIDE);
}

/** How far a heart is squeezed at a part of its beat: fast systole, slower filling, rest. */
function squeeze(part: number): number {
  if (part < 0.3) return Math.sin((Math.PI / 2) * (part / 0.3));
  if (part < 0.65) return Math.cos((Math.PI / 2) * ((part - 0.3) / 0.35));
  return 0;
}

/** A beating, swinging ventricle. */
function heart(frames: number, rate: number, perMinute: number): Uint8Array[] {
  return Array.from({ length: frames }, (_, frame) => {
    const beat = squeeze(((frame / rate) * (perMinute / 60)) % 1);
    return ellipse(48 + 4 * beat, 50 - 3 * beat, 22 - 6 * beat, 28 - 5 * beat);
  });
}

function framesOf(masks: readonly (Uint8Array | null)[], keys: readonly number[] = []): LabelFrame[] {
  return masks.flatMap((data, frameIndex) =>
    data ? [{ ...momentsOf(data), frameIndex, isKey: keys.includes(frameIndex) }] : [],
  );
}

function replaced<T>(list: readonly T[], at: number, value: T): T[] {
  return list.map((old, place) => (place === at ? value : old));
}

describe("moments", () => {
  it("are those of the pixels", () => {
    let seed = 3;
    for (let turn = 0; turn < 60; turn++) {
      const [columns, rows] = [1 + (turn % 17), 1 + (turn % 11)];
      const bitmap = new Uint8Array(columns * rows).map(() => {
        seed = (seed * 16807) % 2147483647;
        return seed % (2 + (turn % 3)) ? 0 : 1;
      });
      let [area, x, y] = [0, 0, 0];
      bitmap.forEach((bit, place) => {
        area += bit;
        x += bit * ((place % columns) + 0.5);
        y += bit * (Math.floor(place / columns) + 0.5);
      });
      const data = encodeMask(bitmap, columns, rows);
      expect([...toBitmap(decodeMask(data))]).toEqual([...bitmap]);
      const found = momentsOf(data);
      expect(found.area).toBe(area);
      if (area) expect([found.x, found.y]).toEqual([expect.closeTo(x / area), expect.closeTo(y / area)]);
    }
  });
});

describe("drift", () => {
  it("is not seen in a true heart, however fast it beats", () => {
    for (const rate of [10, 15, 30]) {
      for (const perMinute of [50, 80, 120, 160]) {
        expect(jumpsOf(framesOf(heart(60, rate, perMinute))), `${perMinute} at ${rate}`).toEqual([]);
      }
    }
  });

  it("is seen where a mask suddenly grows or shrinks, once for a single bad frame", () => {
    const beating = heart(40, 15, 70);
    const grown = replaced(beating, 21, ellipse(48, 50, 34, 42));
    expect(jumpsOf(framesOf(grown))).toMatchObject([{ frameIndex: 21, kind: "area" }]);
    const shrunk = jumpsOf(framesOf(replaced(beating, 21, ellipse(48, 50, 8, 8))));
    expect(shrunk).toMatchObject([{ frameIndex: 21, kind: "area" }]);
    expect(shrunk[0]?.amount).toBeLessThan(0.3);
  });

  it("is seen where a mask slips to another place and stays there", () => {
    const slipped = heart(40, 15, 70).map((mask, frame) => (frame < 30 ? mask : ellipse(20, 24, 19, 25)));
    expect(jumpsOf(framesOf(slipped))).toMatchObject([{ frameIndex: 30, kind: "position" }]);
  });

  it("is not looked for across frames without a mask, nor with too few of them", () => {
    const slipped = heart(40, 15, 70).map((mask, frame) => (frame < 30 ? mask : ellipse(20, 24, 19, 25)));
    expect(jumpsOf(framesOf(replaced<Uint8Array | null>(slipped, 29, null)))).toEqual([]);
    expect(
      jumpsOf(framesOf([ellipse(20, 20, 5, 5), ellipse(70, 70, 20, 20), ellipse(20, 20, 5, 5)])),
    ).toEqual([]);
    expect(jumpsOf([])).toEqual([]);
  });

  it("is the fault of the frame that the reader does not answer for", () => {
    const slipped = heart(40, 15, 70).map((mask, frame) => (frame < 30 ? mask : ellipse(20, 24, 19, 25)));
    expect(jumpsOf(framesOf(slipped, [30])).map((jump) => jump.frameIndex)).toEqual([29]);
    expect(jumpsOf(framesOf(slipped, [29, 30]))).toEqual([]);
  });

  it("is the same at any size and place of the image", () => {
    const slipped = heart(40, 15, 70).map((mask, frame) => (frame < 30 ? mask : ellipse(20, 24, 19, 25)));
    const frames = framesOf(slipped);
    const larger = frames.map((frame) => ({
      ...frame,
      area: frame.area * 9,
      x: 400 + 3 * frame.x,
      y: 3 * frame.y,
    }));
    expect(jumpsOf(larger).map((jump) => jump.frameIndex)).toEqual(
      jumpsOf(frames).map((jump) => jump.frameIndex),
    );
  });
});

describe("what to look at", () => {
  function document(
    scores: (number | null)[],
    masks = heart(scores.length, 15, 70),
    accepted?: number,
  ): ReadingDocument {
    const made = new ReadingDocument([LABEL]);
    masks.forEach((data, frameIndex) => {
      const score = scores[frameIndex] ?? null;
      const { area } = momentsOf(data);
      const place = { label: LABEL.code, label_index: 1, frame_index: frameIndex, event_seq: 1 };
      const row = { ...place, accepted: frameIndex === accepted, area, score, mask: toBase64(data) };
      made.merge([], [{ ...row, provenance: "PROPAGATED" }]);
    });
    return made;
  }

  it("are low scores, against the label's own, and those that jump but once", () => {
    const scores = replaced(replaced(Array<number>(40).fill(0.9), 7, 0.6), 21, 0.1);
    const found = findingsOf(document(scores, replaced(heart(40, 15, 70), 21, ellipse(48, 50, 34, 42))), [
      LABEL,
    ]);
    expect(found.map((finding) => [finding.frameIndex, finding.kind])).toEqual([
      [7, "confidence"],
      [21, "area"],
    ]);
    expect(found.map(findingText)).toEqual(["confidence 0.60", "area jumps, × 2.8"]);
  });

  it("are nothing where all scores are alike, or unknown", () => {
    expect(findingsOf(document(Array<number>(30).fill(0.55)), [LABEL])).toEqual([]);
    expect(findingsOf(document(Array<null>(30).fill(null)), [LABEL])).toEqual([]);
    expect(findingsOf(document(Array<number>(30).fill(0.4)), [LABEL])).toHaveLength(30);
  });

  it("go away when the reader accepts or draws the frame", () => {
    const scores = replaced(Array<number>(30).fill(0.9), 7, 0.2);
    expect(findingsOf(document(scores), [LABEL])).toHaveLength(1);
    expect(findingsOf(document(scores, heart(30, 15, 70), 7), [LABEL])).toEqual([]);
  });
});
