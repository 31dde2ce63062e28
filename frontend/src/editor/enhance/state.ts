/** What the interface shows of the views for angiography. */

import type { Small } from "./shrink";
import type { Shift } from "./subtraction";

export type EnhanceMode = "none" | "subtraction" | "minimum" | "contrast";

/** A frame that is well filled with contrast, with its score (the best frame's is 1) and a small picture. */
export interface Suggestion {
  frameIndex: number;
  score: number;
  picture: Small;
}

export interface EnhanceState {
  mode: EnhanceMode;
  /** The first frame of the mask; while it is null, the emptiest known frame is taken. */
  maskFrame: number | null;
  /** How many frames from there on are averaged. */
  maskCount: number;
  shift: Shift;
  isAligning: boolean;
  /** Clip limit of the local contrast. */
  clip: number;
  /** First and last frame of the projection; null is the whole cine. */
  range: readonly [number, number] | null;
  /** Whether vessels are brighter than what is around them. */
  bright: boolean;
  /** How much of what the view needs is there, 0 to 1; below 1 the original picture is shown. */
  progress: number;
  suggestions: readonly Suggestion[];
  suggesting: "no" | "running" | "done" | "stopped";
  suggestProgress: number;
}

export const PLAIN: EnhanceState = {
  mode: "none",
  maskFrame: null,
  maskCount: 1,
  shift: [0, 0],
  isAligning: false,
  clip: 3,
  range: null,
  bright: false,
  progress: 1,
  suggestions: [],
  suggesting: "no",
  suggestProgress: 0,
};

/** The words for the plate on the picture: a view that is on is always named. */
export function viewName({ mode, maskFrame, maskCount, shift, range, clip }: EnhanceState): string {
  switch (mode) {
    case "none":
      return "";
    case "subtraction": {
      const first = (maskFrame ?? 0) + 1;
      const frames =
        maskCount > 1 ? `the mean of frames ${first} to ${first + maskCount - 1}` : `frame ${first}`;
      const moved = shift.some((pixels) => pixels !== 0)
        ? `, shifted by ${shift.map(signed).join(", ")} px`
        : "";
      return `Subtraction of ${frames}${moved}`;
    }
    case "minimum":
      return range ? `Projection of frames ${range[0] + 1} to ${range[1] + 1}` : "Projection of all frames";
    case "contrast":
      return `Local contrast, limit ${clip}`;
  }
}

/** A number of pixels with its sign, as in −0.25. */
export function signed(pixels: number): string {
  return `${pixels < 0 ? "−" : pixels > 0 ? "+" : ""}${Math.abs(pixels)}`;
}
