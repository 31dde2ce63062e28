/** What the interface shows of the editor. It changes at the rate of the reader's hands, never at that of frames. */

import { createStore, type StoreApi } from "zustand/vanilla";
import type { Place } from "./actions/action";
import type { Range } from "./clock";
import type { OtherReading, Second } from "./compare/second";
import { type EnhanceState, PLAIN } from "./enhance/state";
import type { StepMode } from "./jumps";
import type { SaveState } from "./outbox";
import { type Orientation, UPRIGHT } from "./placement";
import type { Span } from "./propagation";
import { NO_OPTIONS, type ToolOptions } from "./tools/options";
import { type TransportState, UNKNOWN } from "./transport/transport";
import type { JobInfo, Presence, WriterInfo } from "./types";

export type ToolId =
  | "positive"
  | "negative"
  | "box"
  | "line"
  | "scribble"
  | "centreline"
  | "brush"
  | "eraser"
  | "lasso"
  | "polygon"
  | "move"
  | "warp"
  | "split"
  | "resize"
  | "window"
  | "pan";
export type Direction = "forward" | "backward" | "both";

export interface EditorState {
  status: "loading" | "ready" | "failed";
  failure: string;
  readingStatus: string;
  canWrite: boolean;
  frameIndex: number;
  playing: boolean;
  speed: number;
  /** The frames that are played over and over, both included; null for all of them. */
  loop: Range | null;
  /** Where the range that is being marked begins. */
  loopStart: number | null;
  /** Whether the cine is played to and fro. */
  pingPong: boolean;
  tool: ToolId;
  labelCode: string;
  hiddenLabels: ReadonlySet<string>;
  masksHidden: boolean;
  outlineOnly: boolean;
  opacity: number;
  brushRadius: number;
  options: ToolOptions;
  window: [number, number];
  /** Which preset the window is of; empty when it was dragged. */
  preset: string;
  /** Name of the window that the model looks through, null for the cine's own. */
  modelWindow: string | null;
  inverted: boolean;
  /** Size of the image, 1 being all of it in its place. */
  zoom: number;
  enhance: EnhanceState;
  /** CSS pixels to an image pixel. */
  scale: number;
  orientation: Orientation;
  platesHidden: boolean;
  /** What the second pane shows. */
  second: Second | null;
  /** Why the masks of the other side are not there. */
  secondFailure: string;
  /** Whether the outlines of this reading lie over the masks of the other side. */
  secondOutline: boolean;
  /** The readings that may be laid beside this one; null until they were asked for. */
  others: readonly OtherReading[] | null;
  /** Grows while both sides are being compared. */
  agreementVersion: number;
  direction: Direction;
  /** Frames to propagate over; null: up to the neighbouring key frames. */
  range: Span | null;
  /** Codes of the labels to propagate; null: all that have a mask on the frame. */
  propagated: ReadonlySet<string> | null;
  stepMode: StepMode;
  save: SaveState;
  pendingCount: number;
  /** Unsent events that lie safely in the browser, and those that it could not keep. */
  keptCount: number;
  unkeptCount: number;
  /** Why nothing is sent though the server can be reached, or why the connection was ended. */
  held: { code: string; message: string } | null;
  /** The other tab that writes; this one then only looks on. */
  otherWriter: WriterInfo | null;
  /** Whether this tab has written and lost the pen to `otherWriter`. */
  wasTakenOver: boolean;
  canUndo: boolean;
  canRedo: boolean;
  /** What undo and redo would do, in words. */
  undoName: string;
  redoName: string;
  online: boolean;
  revision: number;
  jobs: ReadonlyMap<string, JobInfo>;
  presence: readonly Presence[];
  /** Grows whenever a mask, a prompt or an acceptance changes. */
  masksVersion: number;
  framesLoaded: number;
  /** Which way frames come. */
  transport: TransportState;
  notice: { code: string; text: string; at: number } | null;
  /** What lies over the reading room. */
  overlay: "palette" | "keys" | null;
  /** Where the context menu is open. */
  menu: Place | null;
  /** Where the crosshair of the keyboard is, in image pixels, while it is shown. */
  crosshair: { x: number; y: number } | null;
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
    loop: null,
    loopStart: null,
    pingPong: false,
    tool: "positive",
    labelCode: "",
    hiddenLabels: new Set(),
    masksHidden: false,
    outlineOnly: false,
    opacity: 0.4,
    brushRadius: 6,
    options: NO_OPTIONS,
    window: [0, 255],
    preset: "own",
    modelWindow: null,
    inverted: false,
    zoom: 1,
    enhance: PLAIN,
    scale: 1,
    orientation: UPRIGHT,
    platesHidden: false,
    second: null,
    secondFailure: "",
    secondOutline: true,
    others: null,
    agreementVersion: 0,
    direction: "both",
    range: null,
    propagated: null,
    stepMode: "all",
    save: "saved",
    pendingCount: 0,
    keptCount: 0,
    unkeptCount: 0,
    held: null,
    otherWriter: null,
    wasTakenOver: false,
    canUndo: false,
    canRedo: false,
    undoName: "",
    redoName: "",
    online: false,
    revision: 0,
    jobs: new Map(),
    presence: [],
    masksVersion: 0,
    framesLoaded: 0,
    transport: UNKNOWN,
    notice: null,
    overlay: null,
    menu: null,
    crosshair: null,
    said: { text: "", at: 0 },
    ...initial,
  }));
}

export function isActive(job: JobInfo): boolean {
  return job.status === "QUEUED" || job.status === "RUNNING";
}
