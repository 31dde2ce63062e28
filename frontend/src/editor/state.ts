/** What the interface shows of the editor. It changes at the rate of the reader's hands, never at that of frames. */

import { createStore, type StoreApi } from "zustand/vanilla";
import type { Place } from "./actions/action";
import type { SaveState } from "./outbox";
import type { JobInfo, Presence } from "./types";

export type ToolId = "positive" | "negative" | "box" | "brush" | "eraser" | "window" | "pan";
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
  /** What lies over the reading room. */
  overlay: "palette" | "keys" | null;
  /** Where the context menu is open. */
  menu: Place | null;
  /** A sentence for screen readers. */
  said: { text: string; at: number };
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
    overlay: null,
    menu: null,
    said: { text: "", at: 0 },
    ...initial,
  }));
}

export function isActive(job: JobInfo): boolean {
  return job.status === "QUEUED" || job.status === "RUNNING";
}
