/** What the interface shows of the editor. It changes at the rate of the reader's hands, never at that of frames. */

import { createStore, type StoreApi } from "zustand/vanilla";
import type { SaveState } from "./outbox";
import type { JobInfo, Presence } from "./types";

export type ToolId = "positive" | "negative" | "box" | "line" | "brush" | "eraser" | "window" | "pan";
export type Direction = "forward" | "backward" | "both";

export interface EditorState {
  status: "loading" | "ready" | "failed";
  failure: string;
  readingStatus: string;
  canWrite: boolean;
  frameIndex: number;
  playing: boolean;
  speed: number;
  tool: ToolId;
  labelCode: string;
  hiddenLabels: ReadonlySet<string>;
  masksHidden: boolean;
  outlineOnly: boolean;
  opacity: number;
  brushRadius: number;
  window: [number, number];
  /** Name of the window that the model looks through, null for the cine's own. */
  modelWindow: string | null;
  inverted: boolean;
  zoom: number;
  direction: Direction;
  save: SaveState;
  pendingCount: number;
  canUndo: boolean;
  canRedo: boolean;
  online: boolean;
  revision: number;
  jobs: ReadonlyMap<string, JobInfo>;
  presence: readonly Presence[];
  /** Grows whenever a mask, a prompt or an acceptance changes. */
  masksVersion: number;
  framesLoaded: number;
  notice: { code: string; text: string; at: number } | null;
}

export type EditorStore = StoreApi<EditorState>;

export function createEditorStore(initial: Partial<EditorState>): EditorStore {
  return createStore<EditorState>(() => ({
    status: "loading",
    failure: "",
    readingStatus: "DRAFT",
    canWrite: false,
    frameIndex: 0,
    playing: false,
    speed: 1,
    tool: "positive",
    labelCode: "",
    hiddenLabels: new Set(),
    masksHidden: false,
    outlineOnly: false,
    opacity: 0.4,
    brushRadius: 6,
    window: [0, 255],
    modelWindow: null,
    inverted: false,
    zoom: 1,
    direction: "both",
    save: "saved",
    pendingCount: 0,
    canUndo: false,
    canRedo: false,
    online: false,
    revision: 0,
    jobs: new Map(),
    presence: [],
    masksVersion: 0,
    framesLoaded: 0,
    notice: null,
    ...initial,
  }));
}

export function isActive(job: JobInfo): boolean {
  return job.status === "QUEUED" || job.status === "RUNNING";
}
