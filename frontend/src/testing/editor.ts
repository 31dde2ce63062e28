/** An editor of a reading whose server lies in this module. */

import { vi } from "vitest";
import { toBitmap } from "../editor/codec";
import { Editor } from "../editor/editor";
import type { Tool, ToolPoint } from "../editor/tools";
import type { Appended, CineInfo, EventBody, LoggedEvent } from "../editor/types";

class SilentSocket {
  static readonly OPEN = 1;
  readyState = 1;
  send(): void {}
  close(): void {}
}

export interface Bench {
  editor: Editor;
  sent: EventBody[];
  /** The mask of a label on a frame as a whole bitmap. */
  mask(labelIndex?: number, frameIndex?: number): Uint8Array;
}

export interface BenchCine {
  columns: number;
  rows: number;
  frameCount?: number;
  /** The grey values of every frame; black without them. */
  pixels?: Uint8Array;
}

export const LABELS = [
  { code: "coronary_artery", name: "Coronary artery", colour: "#ff0000", index: 1 },
  { code: "catheter", name: "Catheter", colour: "#00ff00", index: 2 },
  { code: "stent", name: "Stent", colour: "#0000ff", index: 3 },
];

/** A cine of 25 frames a second that needs no windows of its own. */
export function cineOf({ columns, rows, frameCount }: Required<Omit<BenchCine, "pixels">>): CineInfo {
  return {
    id: "c",
    title: "",
    patientKey: "P-1",
    modality: "XA",
    frameCount,
    rows,
    columns,
    channels: 1,
    bitsAllocated: 8,
    window: [0, 255],
    windows: {},
    frameTimesMs: Array.from({ length: frameCount }, (_, index) => 40 * index),
    frameTimeSource: "FrameTime",
    display: {},
    warnings: [],
  };
}

export async function makeBench(
  { columns, rows, frameCount = 9, pixels }: BenchCine,
  labels = LABELS,
): Promise<Bench> {
  vi.stubGlobal("WebSocket", SilentSocket);
  const log: LoggedEvent[] = [];
  const sent: EventBody[] = [];
  const editor = new Editor({
    readingId: "r",
    cine: cineOf({ columns, rows, frameCount }),
    labels,
    readingStatus: "DRAFT",
    canWrite: true,
    gateway: {
      async appendEvent(body) {
        sent.push({ kind: body.kind, payload: body.payload } as EventBody);
        const seq = log.length + 1;
        const isReversal = body.kind === "undo" || body.kind === "redo";
        const named = isReversal ? body.payload.target_client : undefined;
        const target = log.find((known) => known.client_uuid === named)?.id ?? null;
        const payload = body.payload as Record<string, unknown>;
        const { client_uuid, kind } = body;
        const event = { id: `e${seq}`, seq, client_uuid, kind, payload, target, undone: false };
        log.push(event);
        return { event, revision: seq, masks: [], job: null } satisfies Appended;
      },
      events: async () => log,
      masks: async () => ({ revision: log.length, masks: [] }),
      hiddenMasks: async () => [],
      claimWriter: async (token) => ({ writer: { token, device: "here", since: "" }, yours: true }),
      releaseWriter: async () => undefined,
      jobs: async () => [],
      cancelJob: async () => undefined,
      frame: async () => (pixels ?? new Uint8Array(columns * rows)).slice().buffer,
      socketUrl: () => "ws://test/",
    },
  });
  await editor.open();
  await vi.waitFor(() => {
    if (editor.frames.loadedCount < frameCount) throw new Error("frames are still being loaded");
  });
  return {
    editor,
    sent,
    mask: (labelIndex = 1, frameIndex = editor.state.frameIndex) => {
      const found = editor.document.pixels(labelIndex, frameIndex);
      return found ? toBitmap(found) : new Uint8Array(columns * rows);
    },
  };
}

export function at(x: number, y: number, change: Partial<ToolPoint> = {}): ToolPoint {
  return { x, y, screenX: 10 * x, screenY: 10 * y, alt: false, ...change };
}

/** Drag a tool along points. */
export function drag(editor: Editor, tool: Tool, ...points: ToolPoint[]): void {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return;
  tool.down(editor, first);
  for (const point of points.slice(1)) tool.move(editor, point);
  tool.up(editor, last);
}

/** Put a mask of a label on a frame as if drawn by hand. */
export function put(editor: Editor, bitmap: Uint8Array, labelIndex = 1, frameIndex = 0): void {
  editor.commitMasks([{ labelIndex, frameIndex, bitmap }], "test");
}
