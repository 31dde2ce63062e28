/** Frames that were changed here and in another tab: both changes are kept, and the reader is told. */

import type { PendingEvent, ReadingDocument } from "./document";
import { touches } from "./fold";
import { type LabelInfo, pairsOf } from "./types";

export interface Conflict {
  event: PendingEvent;
  labelCode: string;
  frameIndex: number;
}

interface Unsent {
  pending: readonly PendingEvent[];
  baseOf(event: PendingEvent): number;
}

/** The unsent drawings and prompts whose frame and label others have changed since their maker looked. */
export function conflictsOf(document: ReadingDocument, unsent: Unsent, own: ReadonlySet<string>): Conflict[] {
  const found: Conflict[] = [];
  for (const event of unsent.pending) {
    const { kind, payload } = event.body;
    if (kind !== "edit" && kind !== "relabel" && kind !== "prompt") continue;
    const others = document.changesSince(unsent.baseOf(event), own);
    for (const { label, frame_index } of pairsOf(payload)) {
      if (others.some((other) => touches(other.payload, label, frame_index)))
        found.push({ event, labelCode: label, frameIndex: frame_index });
    }
  }
  return found;
}

export function conflictText(conflicts: readonly Conflict[], labels: readonly LabelInfo[]): string {
  const places = new Set(
    conflicts.map(({ labelCode, frameIndex }) => {
      const label = labels.find((known) => known.code === labelCode);
      return `frame ${frameIndex + 1} (${label?.name ?? labelCode})`;
    }),
  );
  const what = places.size === 1 ? [...places][0] : `${places.size} frames, among them ${[...places][0]}`;
  return `Another tab has changed ${what} too. Nothing is lost: your change lies on top, and undoing it shows the other.`;
}
