/** What follows from a log of events: which of them stand, which frames are accepted, which prompts count. */

import { type Box, type EventKind, type Line, type PromptPoint, pairsOf } from "./types";

/** One event, acknowledged or on its way; `target` is the client UUID of the event that an undo or redo is about. */
export interface Step {
  clientUuid: string;
  kind: EventKind;
  payload: Record<string, unknown>;
  target: string | null;
}

export interface StandingPrompts {
  points: PromptPoint[];
  box: Box | null;
  line: Line | null;
}

export interface Fold {
  steps: readonly Step[];
  /** Client UUIDs of the events that stand, with their place in the log, counted from 1. */
  order: ReadonlyMap<string, number>;
  /** The same of all events, undone or not. */
  places: ReadonlyMap<string, number>;
  accepted: ReadonlySet<number>;
}

export function isReversal(kind: EventKind): boolean {
  return kind === "undo" || kind === "redo";
}

/** An event stands undone when the last reversal that names it is an undo. */
export function foldSteps(steps: readonly Step[]): Fold {
  const undone = new Set<string>();
  for (const { kind, target } of steps) {
    if (!target) continue;
    if (kind === "undo") undone.add(target);
    else undone.delete(target);
  }
  const order = new Map<string, number>();
  const places = new Map<string, number>();
  const accepted = new Set<number>();
  steps.forEach(({ clientUuid, kind, payload }, place) => {
    places.set(clientUuid, place + 1);
    if (isReversal(kind) || undone.has(clientUuid)) return;
    order.set(clientUuid, place + 1);
    if (kind !== "accept") return;
    for (const frame of payload.frame_indices as number[]) {
      if (payload.accepted) accepted.add(frame);
      else accepted.delete(frame);
    }
  });
  return { steps, order, places, accepted };
}

/** Whether an edit, a relabelling or a prompt is about a label on a frame. */
export function touches(payload: object, labelCode: string, frameIndex: number): boolean {
  return pairsOf(payload).some((one) => one.label === labelCode && one.frame_index === frameIndex);
}

/** The prompts that stand on a frame: later points add, a later box or line replaces; an edit, a relabelling or words retire them. */
export function promptsOf(fold: Fold, labelCode: string, frameIndex: number): StandingPrompts {
  const standing: StandingPrompts = { points: [], box: null, line: null };
  for (const { clientUuid, kind, payload } of fold.steps) {
    if (!fold.order.has(clientUuid) || !touches(payload, labelCode, frameIndex)) continue;
    if (kind === "edit" || kind === "relabel" || payload.text) {
      standing.points = [];
      standing.box = null;
      standing.line = null;
    } else if (kind === "prompt") {
      const { points, box, line } = payload as unknown as StandingPrompts;
      standing.points.push(...points);
      if (box || line) [standing.box, standing.line] = [box ?? null, line ?? null];
    }
  }
  return standing;
}

/** The event that Ctrl+Z takes back: the newest one that stands. */
export function undoTarget(fold: Fold): Step | undefined {
  return fold.steps.findLast((step) => fold.order.has(step.clientUuid));
}

/** The event that Ctrl+Y brings back: what was undone last, unless something new was done since. */
export function redoTarget(fold: Fold): Step | undefined {
  const stack: string[] = [];
  for (const { kind, target } of fold.steps) {
    if (kind === "undo" && target) stack.push(target);
    else if (kind === "redo" && target) {
      const place = stack.lastIndexOf(target);
      if (place >= 0) stack.splice(place, 1);
    } else stack.length = 0;
  }
  const target = stack.at(-1);
  if (!target || fold.order.has(target)) return undefined;
  return fold.steps.find((step) => step.clientUuid === target);
}
