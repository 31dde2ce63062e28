/** Windows for grey values by modality: what maps to black and to white, in stored grey values. */

import type { FramePixels } from "./frames";
import type { CineInfo } from "./types";

export type Window = [number, number];

export interface WindowPreset {
  id: string;
  name: string;
  /** Undefined when this frame offers none, such as one of a single grey value. */
  windowOf(frame: FramePixels): Window | undefined;
}

const TAIL = 0.01;

/** How often each grey value occurs; of RGB all channels together. */
function histogram(frame: FramePixels): Uint32Array {
  const counts = new Uint32Array(frame instanceof Uint16Array ? 65536 : 256);
  for (let place = 0; place < frame.length; place++) {
    const value = frame[place] as number;
    counts[value] = (counts[value] as number) + 1;
  }
  return counts;
}

/** The grey values below and above which a part of the pixels lies. */
export function tailsOf(frame: FramePixels, part: number): Window | undefined {
  const counts = histogram(frame);
  const least = part * frame.length;
  const edge = (from: number, step: 1 | -1) => {
    let value = from;
    for (let seen = counts[value] as number; seen <= least; seen += counts[value] as number) value += step;
    return value;
  };
  if (frame.length === 0) return undefined;
  const [low, high] = [edge(0, 1), edge(counts.length - 1, -1)];
  return high > low ? [low, high] : undefined;
}

function own(cine: CineInfo): WindowPreset {
  return { id: "own", name: "As imported", windowOf: () => cine.window };
}

const AUTO: WindowPreset = {
  id: "auto",
  name: "Auto: 1st to 99th percentile",
  windowOf: (frame) => tailsOf(frame, TAIL),
};

function full(cine: CineInfo): WindowPreset {
  return {
    id: "full",
    name: "Full range",
    windowOf: (frame) => (cine.bitsAllocated > 8 ? tailsOf(frame, 0) : [0, 255]),
  };
}

/** Half as wide around the same level. */
function narrow(cine: CineInfo): WindowPreset {
  const [low, high] = cine.window;
  const quarter = (high - low) / 4;
  return { id: "narrow", name: "Narrow", windowOf: () => [low + quarter, high - quarter] };
}

const CT_NAMES = ["mediastinum", "lung", "bone", "abdomen", "brain"];

/** The windows of CT come with the cine, which alone knows what its grey values are in Hounsfield units. */
function ofTissues(windows: CineInfo["windows"]): WindowPreset[] {
  return CT_NAMES.flatMap((id) => {
    const given = windows[id];
    return given ? { id, name: `CT ${id}`, windowOf: () => given } : [];
  });
}

/** What a reader may choose of, the file's own window first. */
export function presetsFor(cine: CineInfo): WindowPreset[] {
  return [
    own(cine),
    ...(cine.modality === "CT" ? ofTissues(cine.windows) : []),
    full(cine),
    narrow(cine),
    AUTO,
  ];
}
