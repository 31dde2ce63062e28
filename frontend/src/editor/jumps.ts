/** From frame to frame by what is on them. */

import { findingsOf } from "./attention";
import type { Editor } from "./editor";

/** What the arrow keys step through. */
export type StepMode = "all" | "annotated" | "unannotated";

export type FrameKind = "annotated" | "unannotated" | "key" | "attention";

const NAMES: Record<FrameKind, string> = {
  annotated: "frame with a mask",
  unannotated: "frame without a mask of this label",
  key: "frame that is drawn, prompted or accepted",
  attention: "frame to look at",
};

/** The next frame that is wanted, round and round from the frame after `from`; null where no other one is. */
export function nextWhere(
  count: number,
  from: number,
  by: 1 | -1,
  isWanted: (frame: number) => boolean,
): number | null {
  for (let distance = 1; distance < count; distance++) {
    const frame = (((from + by * distance) % count) + count) % count;
    if (isWanted(frame)) return frame;
  }
  return null;
}

/** Tell which frames are of a kind. Annotated: by any label; unannotated: where the chosen label has none. */
export function framesOf(editor: Editor, kind: FrameKind): (frame: number) => boolean {
  const { document, labels } = editor;
  if (kind === "attention") {
    const frames = new Set(findingsOf(document, labels).map((finding) => finding.frameIndex));
    return (frame) => frames.has(frame);
  }
  const chosen = editor.label;
  if (kind === "unannotated") return (frame) => !chosen || !document.mask(chosen.index, frame);
  if (kind === "annotated") return (frame) => labels.some((label) => document.mask(label.index, frame));
  return (frame) => labels.some((label) => document.isLocked(label.index, frame));
}

export function jump(editor: Editor, kind: FrameKind, by: 1 | -1): void {
  const frame = nextWhere(editor.cine.frameCount, editor.state.frameIndex, by, framesOf(editor, kind));
  if (frame === null) editor.notify("no_such_frame", `There is no other ${NAMES[kind]}.`);
  else editor.goTo(frame);
}
