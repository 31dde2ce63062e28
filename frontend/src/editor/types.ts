/** What the editor needs of the world; the API's own types are narrowed to this at the edge (features/reading). */

import type { Provenance } from "./codec";
import type { TransportState } from "./transport/transport";

export interface LabelInfo {
  code: string;
  name: string;
  colour: string;
  /** 1..8, the position in the schema. */
  index: number;
}

export interface CineInfo {
  id: string;
  title: string;
  patientKey: string;
  modality: string;
  frameCount: number;
  rows: number;
  columns: number;
  channels: number;
  bitsAllocated: number;
  window: [number, number];
  /** What grey values say of the X-rays that came through; empty or absent where the file does not say it. */
  intensityRelationship?: "LIN" | "LOG" | "DISP" | "";
  /** Others that a model may look through, by name. */
  windows: Record<string, [number, number]>;
  /** Start of each frame in milliseconds; the last frame lasts as long as the one before. */
  frameTimesMs: number[];
  frameTimeSource: string;
  display: Record<string, unknown>;
  warnings: string[];
}

export interface PromptPoint {
  x: number;
  y: number;
  positive: boolean;
}

export type Box = [number, number, number, number];

/** Both ends of a structure's longest diameter. */
export type Line = [number, number, number, number];

/** What an edit leaves on one frame for one label. */
export interface MaskEdit {
  frame_index: number;
  label: string;
  mask: string;
}

/** An edit of one mask, or of several that are one step of the reader's. */
export type EditPayload =
  | (MaskEdit & { tool: string })
  | { edits: MaskEdit[]; tool: string; provenance: "HUMAN" | "INTERPOLATED" };

export function editsOf(payload: EditPayload): readonly MaskEdit[] {
  return "edits" in payload ? payload.edits : [payload];
}

/** Give what one label has on some frames to another. */
export interface RelabelPayload {
  label: string;
  to: string;
  frame_indices: number[];
}

/** Each label and frame whose mask or prompts an edit, a relabelling or a prompt changes. */
export function pairsOf(payload: object): readonly { label: string; frame_index: number }[] {
  if (!("to" in payload)) return editsOf(payload as EditPayload);
  const { label, to, frame_indices } = payload as RelabelPayload;
  return [label, to].flatMap((code) => frame_indices.map((frame_index) => ({ label: code, frame_index })));
}

export interface PromptPayload {
  frame_index: number;
  label: string;
  points: PromptPoint[];
  box: Box | null;
  line?: Line;
  /** Words that name what is wanted; they ask alone. */
  text?: string;
  /** Name of the window that the model looks through; the cine's own without it. */
  window?: string;
}

export type EventBody =
  | { kind: "prompt"; payload: PromptPayload }
  | { kind: "edit"; payload: EditPayload }
  | { kind: "relabel"; payload: RelabelPayload }
  | {
      kind: "propagate";
      payload: {
        labels: string[];
        frame_index: number;
        start: number;
        stop: number;
        direction: "forward" | "backward" | "both";
        /** Id of the stopped propagation that this one goes on with. */
        resumes?: string;
        window?: string;
      };
    }
  | { kind: "accept"; payload: { frame_indices: number[]; accepted: boolean } }
  | { kind: "undo" | "redo"; payload: { target_client: string } };

export type EventKind = EventBody["kind"];

export interface LoggedEvent {
  id: string;
  seq: number;
  client_uuid: string;
  kind: EventKind;
  payload: Record<string, unknown>;
  target: string | null;
  undone: boolean;
}

export interface MaskRow {
  label: string;
  label_index: number;
  frame_index: number;
  provenance: Provenance;
  accepted: boolean;
  area: number;
  score: number | null;
  event_seq: number;
  mask: string;
}

export interface JobInfo {
  id: string;
  /** Client UUID of the event that asked for it. */
  client_uuid: string;
  kind: "PREDICT" | "PROPAGATE";
  run_no: number;
  status: "QUEUED" | "RUNNING" | "DONE" | "FAILED" | "CANCELLED";
  done: number;
  total: number;
  error: { code: string; message: string } | null;
  /** Seq of the event that asked for it. */
  event_seq: number;
  /** Whether the rest would not have changed and was not computed. */
  early_stop: boolean;
  created_at: string;
  reader: string;
}

/** The score of a mask that a job has just brought. */
export interface Scored {
  label: string;
  frame_index: number;
  score: number | null;
}

export interface Appended {
  event: LoggedEvent;
  revision: number;
  masks: MaskRow[];
  job: JobInfo | null;
}

export interface Presence {
  connection: string;
  user: string;
  display_name: string;
  device: string;
  you: boolean;
}

/** The tab that writes a reading. */
export interface WriterInfo {
  token: string;
  /** What it runs on, such as "Chrome on Windows". */
  device: string;
  /** When it began to write, ISO 8601. */
  since: string;
}

/** A refusal by the server: its machine-readable code, its sentence, and the HTTP status. */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status: number,
    readonly details: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

/** How the editor reaches the server. Any failure that is no Refusal counts as "not reached". */
export interface Gateway {
  appendEvent(
    body: EventBody & { client_uuid: string; base_revision: number; writer: string },
  ): Promise<Appended>;
  /** The log after a seq. */
  events(since: number): Promise<LoggedEvent[]>;
  masks(): Promise<{ revision: number; masks: MaskRow[] }>;
  /** The masks of models that lie beneath others or belong to undone events. */
  hiddenMasks(): Promise<MaskRow[]>;
  claimWriter(token: string, take: boolean): Promise<{ writer: WriterInfo; yours: boolean }>;
  releaseWriter(token: string): Promise<void>;
  jobs(): Promise<JobInfo[]>;
  cancelJob(id: string): Promise<void>;
  frame(frameNumber: number, signal: AbortSignal): Promise<ArrayBuffer>;
  /** How frames come, where they may come in more ways than one. */
  transport?: { onChange(listener: (state: TransportState) => void): void; close(): void };
  socketUrl(): string;
}
