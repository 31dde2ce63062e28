/** Where a reader should look: masks that jump, and masks that the model itself is unsure of. */

import type { MaskEntry, ReadingDocument } from "./document";
import { type Jump, jumpsOf, type LabelFrame, median } from "./drift";
import { type Moments, momentsOf } from "./moments";
import type { LabelInfo } from "./types";

export interface Finding {
  frameIndex: number;
  label: LabelInfo;
  kind: Jump["kind"] | "confidence";
  /** As in `Jump`, or the score. */
  amount: number;
}

/** Below this the model's own estimate of its IoU says that the mask is a guess. */
const LOW_SCORE = 0.5;
/** So far below the label's median score a mask stands out. */
const SCORE_DROP = 0.15;
const FEWEST_SCORES = 5;

const known = new WeakMap<Uint8Array, Moments>();

function moments(mask: MaskEntry): Moments {
  let found = known.get(mask.data);
  if (!found) {
    found = momentsOf(mask.data);
    known.set(mask.data, found);
  }
  return found;
}

/** What to look at, by frame; what the reader drew, prompted or accepted is not listed. */
export function findingsOf(document: ReadingDocument, labels: readonly LabelInfo[]): Finding[] {
  const masks = new Map<number, MaskEntry[]>();
  for (const mask of document.entries()) {
    const list = masks.get(mask.labelIndex);
    if (list) list.push(mask);
    else masks.set(mask.labelIndex, [mask]);
  }
  const found: Finding[] = [];
  for (const label of labels) {
    const own = (masks.get(label.index) ?? []).sort((a, b) => a.frameIndex - b.frameIndex);
    const jumps = jumpsOf(own.map((mask) => frameOf(document, mask)));
    found.push(...jumps.map((jump) => ({ ...jump, label })));
    const told = new Set(jumps.map((jump) => jump.frameIndex));
    const limit = lowScore(own);
    for (const mask of own) {
      if (mask.score === null || mask.score >= limit || told.has(mask.frameIndex)) continue;
      if (document.isLocked(mask.labelIndex, mask.frameIndex)) continue;
      found.push({ frameIndex: mask.frameIndex, label, kind: "confidence", amount: mask.score });
    }
  }
  return found.sort((a, b) => a.frameIndex - b.frameIndex || a.label.index - b.label.index);
}

/** The score below which a mask of a label is one to look at. */
export function lowScore(masks: readonly MaskEntry[]): number {
  const scores = masks.flatMap((mask) => (mask.score === null ? [] : [mask.score]));
  return scores.length < FEWEST_SCORES ? LOW_SCORE : Math.max(LOW_SCORE, median(scores) - SCORE_DROP);
}

export function findingText(finding: Finding): string {
  if (finding.kind === "confidence") return `confidence ${finding.amount.toFixed(2)}`;
  if (finding.kind === "position") return `jumps by ${Math.round(finding.amount)} px`;
  return `area ${finding.amount > 1 ? "jumps" : "drops"}, × ${finding.amount.toFixed(1)}`;
}

function frameOf(document: ReadingDocument, mask: MaskEntry): LabelFrame {
  const isKey = document.isLocked(mask.labelIndex, mask.frameIndex);
  return { ...moments(mask), frameIndex: mask.frameIndex, isKey };
}
