/** Propagations: what one that is about to start would compute, and what became of those that were started. */

import type { ReadingDocument } from "./document";
import { type Direction, type EditorState, isActive } from "./state";
import type { EventBody, JobInfo, LabelInfo } from "./types";

/** Frames from `start` to `stop`, 0-based, both included. */
export interface Span {
  start: number;
  stop: number;
}

export type PropagatePayload = Extract<EventBody, { kind: "propagate" }>["payload"];

/** A propagation that could be started: what it would compute, or why it cannot be. */
export interface Plan extends Span {
  labels: LabelInfo[];
  frameIndex: number;
  direction: Direction;
  /** Masks to be computed; what is locked is left out. */
  masks: number;
  refusal: { code: string; text: string } | null;
}

/** A propagation that was started. */
export interface Run extends Span {
  job: JobInfo;
  eventId: string;
  labels: string[];
  frameIndex: number;
  direction: Direction;
  isUndone: boolean;
  /** Masks that a stopped or failed run did not come to, if it can be resumed. */
  left: number;
}

export interface Scene {
  document: ReadingDocument;
  labels: readonly LabelInfo[];
  state: Pick<EditorState, "frameIndex" | "direction" | "range" | "propagated" | "jobs">;
  cine: { frameCount: number };
}

/** Labels that have a mask on a frame, from which they can be propagated. */
export function labelsThere({ document, labels }: Scene, frameIndex: number): LabelInfo[] {
  return labels.filter((label) => document.mask(label.index, frameIndex));
}

/** Whether a frame guides propagation and is never overwritten by it, for every one of some labels. */
export function isKeyFrame(document: ReadingDocument, labels: readonly LabelInfo[], frame: number): boolean {
  return labels.length > 0 && labels.every((label) => document.isLocked(label.index, frame));
}

/** The frames around a frame up to the next key frames on both sides, or to the ends of the cine. */
export function spanBetween(isKey: (frame: number) => boolean, frameIndex: number, count: number): Span {
  let [start, stop] = [frameIndex, frameIndex];
  while (start > 0 && !isKey(start - 1)) start--;
  while (stop < count - 1 && !isKey(stop + 1)) stop++;
  return { start, stop };
}

/** The part of a span that a direction reaches from a frame. */
export function reachOf(span: Span, frameIndex: number, direction: Direction): Span {
  return {
    start: direction === "forward" ? frameIndex : span.start,
    stop: direction === "backward" ? frameIndex : span.stop,
  };
}

/** What Propagate would do now. */
export function planOf(scene: Scene, direction = scene.state.direction): Plan {
  const { document, state, cine } = scene;
  const { frameIndex, range, propagated } = state;
  const there = labelsThere(scene, frameIndex);
  const labels = there.filter((label) => propagated === null || propagated.has(label.code));
  const span =
    range ?? spanBetween((frame) => isKeyFrame(document, labels, frame), frameIndex, cine.frameCount);
  if (range && (frameIndex < range.start || frameIndex > range.stop)) {
    const text = `Frame ${frameIndex + 1} lies outside the range, ${rangeText(range)}.`;
    return refused(labels, frameIndex, range, direction, "frame_outside_range", text);
  }
  return checked(scene, labels, frameIndex, reachOf(span, frameIndex, direction), direction, there.length);
}

/** The same propagation again, from a frame of its range outward to its end. */
export function redoPlan(scene: Scene, run: Run): Plan | null {
  const { frameIndex } = scene.state;
  if (run.isUndone || frameIndex < run.start || frameIndex > run.stop) return null;
  const away = frameIndex > run.frameIndex ? "forward" : "backward";
  const direction = frameIndex === run.frameIndex ? run.direction : away;
  const labels = labelsThere(scene, frameIndex).filter((label) => run.labels.includes(label.code));
  const plan = checked(
    scene,
    labels,
    frameIndex,
    reachOf(run, frameIndex, direction),
    direction,
    labels.length,
  );
  return plan.refusal ? null : plan;
}

export function payloadOf(plan: Plan): PropagatePayload {
  return {
    labels: plan.labels.map((label) => label.code),
    frame_index: plan.frameIndex,
    start: plan.start,
    stop: plan.stop,
    direction: plan.direction,
  };
}

/** The event that goes on with a stopped run. */
export function resumePayload(run: Run): PropagatePayload {
  return {
    labels: run.labels,
    frame_index: run.frameIndex,
    start: run.start,
    stop: run.stop,
    direction: run.direction,
    resumes: run.eventId,
  };
}

/** The propagations of a reading, the newest first. */
export function runsOf({ document, state }: Pick<Scene, "document" | "state">): Run[] {
  const runs: Run[] = [];
  const resumed = new Set<unknown>();
  const jobs = [...state.jobs.values()].filter((job) => job.kind === "PROPAGATE");
  for (const job of jobs.sort((a, b) => b.run_no - a.run_no)) {
    const event = document.eventBySeq(job.event_seq);
    if (!event) continue;
    const payload = event.payload as unknown as PropagatePayload;
    if (!event.undone) resumed.add(payload.resumes);
    const isCut = job.status === "FAILED" || (job.status === "CANCELLED" && job.error?.code === "stopped");
    runs.push({
      job,
      eventId: event.id,
      labels: payload.labels,
      frameIndex: payload.frame_index,
      ...reachOf(payload, payload.frame_index, payload.direction),
      direction: payload.direction,
      isUndone: event.undone,
      left: isCut && !event.undone && !resumed.has(event.id) ? job.total - job.done : 0,
    });
  }
  return runs;
}

/** Frames that a run has brought masks to. */
export function framesBrought(document: ReadingDocument, run: Run): Set<number> {
  const frames = new Set<number>();
  for (const mask of document.entries()) {
    if (mask.eventSeq === run.job.event_seq) frames.add(mask.frameIndex);
  }
  return frames;
}

export function rangeText(span: Span): string {
  return span.start === span.stop ? `frame ${span.start + 1}` : `frames ${span.start + 1}–${span.stop + 1}`;
}

/** How a run stands, in words. */
export function statusText({ job, isUndone }: Run): string {
  if (isUndone) return "undone";
  if (job.error?.code === "waiting_for_worker") return "waiting for a worker";
  if (isActive(job)) return job.status === "QUEUED" ? "queued" : "running";
  if (job.status === "FAILED") return "failed";
  if (job.status === "CANCELLED") return "stopped";
  return job.early_stop ? "done early: the rest would not have changed" : "done";
}

function checked(
  { document }: Scene,
  labels: LabelInfo[],
  frameIndex: number,
  span: Span,
  direction: Direction,
  there: number,
): Plan {
  if (!there) {
    const text = "There is no mask on this frame to propagate from.";
    return refused(labels, frameIndex, span, direction, "nothing_to_propagate", text);
  }
  if (!labels.length) {
    const text = "Choose at least one label to propagate.";
    return refused(labels, frameIndex, span, direction, "no_label_chosen", text);
  }
  let masks = 0;
  for (let frame = span.start; frame <= span.stop; frame++) {
    if (frame === frameIndex) continue;
    for (const label of labels) if (!document.isLocked(label.index, frame)) masks++;
  }
  if (!masks) {
    const text =
      "Every frame of this range is drawn, prompted or accepted already: there is nothing to compute.";
    return refused(labels, frameIndex, span, direction, "nothing_to_compute", text);
  }
  return { labels, frameIndex, ...span, direction, masks, refusal: null };
}

function refused(
  labels: LabelInfo[],
  frameIndex: number,
  span: Span,
  direction: Direction,
  code: string,
  text: string,
): Plan {
  return { labels, frameIndex, ...span, direction, masks: 0, refusal: { code, text } };
}
