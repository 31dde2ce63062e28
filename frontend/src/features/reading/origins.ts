/** Where a mask comes of, in words, and how sure the model is of it (0 to 1). */

import type { MaskEntry } from "../../editor/document";

const ORIGINS = {
  HUMAN: "drawn",
  MODEL: "from prompts",
  PROPAGATED: "propagated",
  INTERPOLATED: "interpolated",
};

export function originText(mask: Pick<MaskEntry, "provenance" | "score">): string {
  const isScored = mask.score !== null && mask.provenance !== "HUMAN";
  return `${ORIGINS[mask.provenance]}${isScored ? ` · ${mask.score?.toFixed(2)}` : ""}`;
}
