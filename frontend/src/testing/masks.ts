/** Small masks and pictures for tests. */

import { stampStroke } from "../editor/paint";

/** A generator of fractions from a seed (mulberry32), so that a failure can be made again. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = state;
    value = Math.imul(value ^ (value >>> 15), value | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

export function randomMask(random: () => number, columns: number, rows: number): Uint8Array {
  const bitmap = new Uint8Array(columns * rows);
  for (let stroke = 0; stroke < 4; stroke++) {
    const place = () => ({ x: random() * columns, y: random() * rows });
    stampStroke(bitmap, columns, rows, place(), place(), 0.5 + 4 * random(), 1);
  }
  for (let dot = 0; dot < 12; dot++) bitmap[Math.floor(random() * bitmap.length)] = random() < 0.5 ? 1 : 0;
  return bitmap;
}

/** Rows of "#" and "." as a bitmap. */
export function drawn(...lines: string[]): Uint8Array {
  return Uint8Array.from(lines.join(""), (letter) => (letter === "#" ? 1 : 0));
}

export function shown(bitmap: Uint8Array, columns: number): string[] {
  const text = Array.from(bitmap, (bit) => (bit ? "#" : ".")).join("");
  return text.match(new RegExp(`.{${columns}}`, "g")) ?? [];
}

export function areaOf(bitmap: Uint8Array): number {
  return bitmap.reduce((sum, bit) => sum + bit, 0);
}

export function iou(a: Uint8Array, b: Uint8Array): number {
  let [both, any] = [0, 0];
  a.forEach((bit, place) => {
    if (bit && b[place]) both++;
    if (bit || b[place]) any++;
  });
  return any ? both / any : 1;
}

export const TREE_SIDE = 256;

/** Branches as (x, y, radius) along their middle, from wide to thin. */
export function treeBranches(): { x: number; y: number; radius: number }[][] {
  const branch = (
    from: [number, number],
    angle: number,
    bend: number,
    length: number,
    radii: [number, number],
  ) =>
    Array.from({ length }, (_, step) => {
      const turn = angle + (bend * step) / length;
      const share = step / (length - 1);
      return {
        x: from[0] + step * Math.cos((angle + turn) / 2),
        y: from[1] + step * Math.sin((angle + turn) / 2),
        radius: radii[0] + share * (radii[1] - radii[0]),
      };
    });
  return [
    branch([40, 20], 0.9, 0.7, 210, [5, 1]),
    branch([82, 78], 0.2, 0.9, 120, [2.5, 0.8]),
    branch([120, 150], 2.2, -0.8, 70, [2, 0.75]),
  ];
}

export function treeMask(branches = treeBranches(), side = TREE_SIDE): Uint8Array {
  const bitmap = new Uint8Array(side * side);
  for (const branch of branches) {
    branch.forEach((point, index) => {
      const from = branch[index - 1] ?? point;
      stampStroke(bitmap, side, side, from, point, point.radius, 1);
    });
  }
  return bitmap;
}

/** An angiogram of the tree: dark vessels as thick as they are deep, a sloping background, noise. */
export function treePicture(
  random: () => number,
  noise: number,
  branches = treeBranches(),
  side = TREE_SIDE,
): Float32Array {
  const depth = new Float32Array(side * side);
  for (const branch of branches) {
    for (const { x, y, radius } of branch) {
      for (let v = Math.max(0, Math.floor(y - radius)); v <= Math.min(side - 1, y + radius); v++) {
        for (let u = Math.max(0, Math.floor(x - radius)); u <= Math.min(side - 1, x + radius); u++) {
          const rest = radius * radius - (u + 0.5 - x) ** 2 - (v + 0.5 - y) ** 2;
          const at = v * side + u;
          if (rest > 0) depth[at] = Math.max(depth[at] ?? 0, 2 * Math.sqrt(rest));
        }
      }
    }
  }
  const gauss = () => Math.sqrt(-2 * Math.log(random() || 1e-9)) * Math.cos(2 * Math.PI * random());
  return depth.map((value, place) => {
    const x = place % side;
    const y = Math.floor(place / side);
    const ground = 150 + 40 * Math.sin(x / 60) + 0.1 * y;
    return Math.min(255, Math.max(0, ground * Math.exp(-0.09 * value) + noise * gauss()));
  });
}
