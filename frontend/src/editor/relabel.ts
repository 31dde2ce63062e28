/** What a relabelling does to the masks of one frame; the server's own rule is `readings.services.relabelling`. */

import { decodeMask, encodeMask, type Provenance, toBitmap } from "./codec";

export interface Origin {
  provenance: Provenance;
  score: number | null;
  data: Uint8Array;
}

const OWN: readonly Provenance[] = ["HUMAN", "MODEL"];

/**
 * Where a mask comes from that was put together of two: of two origins it is not drawn by hand; but what was drawn or
 * prompted on the frame is still overwritten by no propagation.
 */
export function jointProvenance(one: Provenance, other: Provenance): Provenance {
  if (one === other) return one;
  return OWN.includes(one) || OWN.includes(other) ? "MODEL" : "PROPAGATED";
}

/** What the label that gives is left with, and what the other one has then; without pixels there is nothing to join. */
export function movedMasks(given: Origin, joined: Origin | undefined): { left: Origin; taken: Origin } {
  const { columns, rows } = decodeMask(given.data);
  const nothing = encodeMask(new Uint8Array(columns * rows), columns, rows);
  const left = { provenance: given.provenance, score: null, data: nothing };
  const theirs = joined && toBitmap(decodeMask(joined.data));
  if (!joined || !theirs?.includes(1)) return { left, taken: given };
  const both = toBitmap(decodeMask(given.data)).map((bit, place) => bit | (theirs[place] ?? 0));
  const provenance = jointProvenance(given.provenance, joined.provenance);
  return { left, taken: { provenance, score: null, data: encodeMask(both, columns, rows) } };
}
