/** Where a mask comes of, in words. */

import type { MaskEntry } from "../../editor/document";

const ORIGINS = {
  HUMAN: "drawn",
  MODEL: "from prompts",
  PROPAGATED: "propagated",
  INTERPOLATED: "interpolated",
};

export function originText(mask: Pick<MaskEntry, "provenance" | "score">): string {
  const isScored = mask.score !== null && mask.provenance !== "HUMAN";
  return `${ORIGINS[mask.provenance]}${isScored ? ` · conf. ${mask.score?.toFixed(2)}` : ""}`;
}
