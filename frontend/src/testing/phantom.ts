/** A small angiogram made by arithmetic: lungs, a diaphragm that moves, a catheter, and vessels that fill and empty. */

export interface Phantom {
  rows: number;
  columns: number;
  frames: Uint8Array[];
  /** How many pixels vessels cover, frame by frame. */
  areas: number[];
}

/** Random numbers from 0 to 1 that depend on the seed alone. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/**
 * `fill(t)` says how far vessels are filled, 0 to 1, at a frame; grey values follow Beer and Lambert. All is moved by
 * (dx, dy) pixels but the grain, which `grain` seeds.
 */
export function phantom(
  seed: number,
  count: number,
  side: number,
  fill: (frameIndex: number) => number,
  { noise = 3, grain = seed, dx = 0, dy = 0 } = {},
): Phantom {
  const random = randomOf(seed);
  const curves = Array.from({ length: 6 }, () => ({
    x: 0.25 + 0.5 * random(),
    slope: random() - 0.5,
    bend: 0.3 * random(),
    phase: 6 * random(),
    radius: (0.008 + 0.012 * random()) * side,
  }));
  const grains = randomOf(grain + 1);
  const frames: Uint8Array[] = [];
  const areas: number[] = [];
  for (let index = 0; index < count; index++) {
    const filling = fill(index);
    const beat = 0.01 * side * Math.sin((2 * Math.PI * index) / 9);
    const frame = new Uint8Array(side * side);
    let area = 0;
    for (let row = 0, place = 0; row < side; row++) {
      for (let column = 0; column < side; column++, place++) {
        const [x, y] = [column - dx, row - dy];
        const body = 150 + 25 * Math.sin((3 * x) / side) + 20 * Math.cos((5 * y) / side + x / side);
        const diaphragm = 40 / (1 + Math.exp(-(y - 0.8 * side - 3 * beat + 0.2 * x)));
        const stripe = ((((y + 0.3 * x) / side) * 5) % 1) * 8 - 2;
        const rib = 8 * Math.exp(-(stripe * stripe));
        let through = 0;
        for (const curve of curves) {
          const v = y / side;
          const centre =
            (curve.x + curve.slope * v + curve.bend * Math.sin(4 * v + curve.phase)) * side + beat;
          const reach = v < 0.15 + 0.75 * filling ? curve.radius : 0;
          const depth = reach ** 2 - (x - centre) ** 2;
          if (depth > 0 && v > 0.15) through = Math.max(through, Math.sqrt(depth) / reach);
        }
        if (through > 0.2 && filling > 0.1) area++;
        const catheter = Math.abs(x - 0.5 * side - 0.3 * y) < 0.01 * side && y < 0.4 * side ? 0.25 : 0;
        const light =
          (body - diaphragm - rib) * Math.exp(-0.45 * Math.min(filling * 2, 1) * through - catheter);
        frame[place] = Math.min(Math.max(Math.round(light + noise * normal(grains)), 0), 255);
      }
    }
    frames.push(frame);
    areas.push(area);
  }
  return { rows: side, columns: side, frames, areas };
}

/** A bolus: nothing, then filling, a while of all, then washing out. */
export function bolus(
  start: number,
  full: number,
  until: number,
  end: number,
): (frameIndex: number) => number {
  return (frame) =>
    Math.min(Math.max(Math.min((frame - start) / (full - start), (end - frame) / (end - until)), 0), 1);
}
