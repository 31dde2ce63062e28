/**
 * The editor as the product shows it, on the frames and masks of the benchmark's own server (tests/benchmarks/viewer.py);
 * `?bare` leaves out everything but the editor and its view; `?sweep` plays at four times the speed once all is loaded.
 */

import { startedAt } from "./start";
import "@mantine/core/styles.css";
import "../src/app/main.css";
import "../src/features/reading/reading.css";
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import type { Schemas } from "../src/api/client";
import { theme } from "../src/app/theme";
import { fromBase64 } from "../src/editor/codec";
import { Editor } from "../src/editor/editor";
import type { CineInfo, Gateway, JobInfo, LabelInfo, LoggedEvent, MaskRow } from "../src/editor/types";
import { EditorView } from "../src/editor/view";
import { SidePanel } from "../src/features/reading/SidePanel";
import { Stage } from "../src/features/reading/Stage";
import { Timeline } from "../src/features/reading/Timeline";
import { Toolbar } from "../src/features/reading/Toolbar";
import { RoomContext } from "../src/features/reading/useEditor";

/** A connection that the benchmark speaks through. */
class QuietSocket {
  static readonly OPEN = 1;
  static last: QuietSocket;
  readyState = 1;
  binaryType = "";
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  constructor() {
    QuietSocket.last = this;
    setTimeout(() => this.onopen?.());
  }
  send(): void {}
  close(): void {}
}
window.WebSocket = QuietSocket as unknown as typeof WebSocket;

const query = new URLSearchParams(location.search);
const cine = (await (await fetch(`cines/${query.get("cine")}/`)).json()) as CineInfo & {
  labels: LabelInfo[];
};
let masks: MaskRow[] = [];
/** All that the side panel asks of it. */
const READING = { model_id: null, campaign: "" } as unknown as Schemas["ReadingDetail"];
/** What the masks come of. */
const EVENT: LoggedEvent = {
  id: "e",
  seq: 1,
  client_uuid: "u",
  kind: "propagate",
  payload: { labels: [] },
  target: null,
  undone: false,
};
/** Its place in the header of a mask message. */
const PROPAGATED = 2;
const JOB: JobInfo = {
  id: "j",
  client_uuid: "u",
  kind: "PROPAGATE",
  run_no: 1,
  status: "RUNNING",
  done: 0,
  total: 1,
  error: null,
  event_seq: 1,
  early_stop: false,
  created_at: "2026-01-01T00:00:00Z",
  reader: "",
};
const gateway: Gateway = {
  async appendEvent(body) {
    return {
      event: {
        ...body,
        payload: { ...body.payload },
        id: body.client_uuid,
        seq: body.base_revision + 1,
        target: null,
        undone: false,
      },
      revision: body.base_revision + 1,
      masks: [],
      job: null,
    };
  },
  events: async () => [EVENT],
  async masks() {
    ({ masks } = (await (await fetch(`cines/${cine.id}/masks/`)).json()) as { masks: MaskRow[] });
    masks = masks.map((row) => ({ ...row, event_seq: 1 }));
    return { revision: 1, masks };
  },
  hiddenMasks: async () => [],
  claimWriter: async (token) => ({ writer: { token, device: "here", since: "" }, yours: true }),
  releaseWriter: async () => undefined,
  jobs: async () => [JOB],
  cancelJob: async () => undefined,
  frame: async (frameNumber, signal) =>
    (await fetch(`cines/${cine.id}/frames/${frameNumber}/`, { signal })).arrayBuffer(),
  socketUrl: () => "",
};

const root = document.getElementById("root");
if (!root) throw new Error("The page has no root.");
/** The viewer begins when the page knows which cine to show. */
const openedAt = performance.now();
const editor = new Editor({
  readingId: "bench",
  cine,
  labels: cine.labels,
  readingStatus: "DRAFT",
  canWrite: true,
  gateway,
});

const opening = editor.open();

let drawn = new Set<() => void>();
let firstFrameMs = 0;
let changes = 0;
function watch(stage: HTMLElement, view: EditorView): void {
  const note = () => {
    if (stage.dataset.frame && !firstFrameMs) firstFrameMs = performance.now() - openedAt;
  };
  let shown = "";
  note();
  view.onDraw(() => {
    note();
    const frame = stage.dataset.frame ?? "";
    if (frame !== shown) changes += 1;
    shown = frame;
    const listeners = drawn;
    drawn = new Set();
    for (const listener of listeners) listener();
  });
}

/** Resolves when the view has drawn what it is asked for from now on. */
const nextDraw = () => new Promise<number>((resolve) => drawn.add(() => resolve(performance.now())));
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

if (query.has("bare")) {
  root.className = "stage";
  root.style.cssText = "position: fixed; left: 52px; top: 48px; width: 1116px; height: 770px";
  watch(root, new EditorView(editor, root));
} else {
  const view = { current: null };
  createRoot(root).render(
    <MantineProvider theme={theme} forceColorScheme="dark">
      <QueryClientProvider client={new QueryClient()}>
        <RoomContext.Provider value={{ editor, view }}>
          <div className="reading">
            <header className="reading-top" />
            <Toolbar />
            <Stage />
            <SidePanel reading={READING} />
            <Timeline />
          </div>
        </RoomContext.Provider>
      </QueryClientProvider>
    </MantineProvider>,
  );
  while (!window.__cineloop) await new Promise((resolve) => requestAnimationFrame(resolve));
  watch(document.querySelector(".stage") as HTMLElement, window.__cineloop.view);
}
await opening;

const bench = {
  editor,
  /** Milliseconds that the page's own code took to load and run before it asked for the cine. */
  loadedMs: openedAt - startedAt,
  get firstFrameMs() {
    return firstFrameMs;
  },

  /** Frames a second that reached the canvas while the cine played. */
  async play(seconds: number): Promise<number> {
    editor.play();
    await wait(500);
    const [from, at] = [changes, performance.now()];
    await wait(seconds * 1000);
    const rate = ((changes - from) * 1000) / (performance.now() - at);
    editor.pause();
    return rate;
  },

  /** Milliseconds from a mask message to its pixels on the canvas, at random moments of the screen's refresh. */
  async masks(count: number): Promise<number[]> {
    const row = masks.find((known) => known.frame_index === editor.state.frameIndex);
    if (!row) throw new Error("the frame has no mask");
    // In turns the mask of this frame and that of another, so that each message changes the picture.
    const other = masks.find((known) => known.label === row.label && known.mask !== row.mask) ?? row;
    const messages = [other, row].map(({ mask }) => {
      const message = fromBase64(mask);
      message[3] = row.label_index;
      message[21] = PROPAGATED;
      const header = new DataView(message.buffer);
      header.setUint32(4, row.frame_index, true);
      header.setUint16(22, JOB.run_no, true);
      return message;
    });
    const times: number[] = [];
    for (let round = 0; round < count; round++) {
      await wait(20 + Math.random() * 30);
      const at = performance.now();
      QuietSocket.last.onmessage?.({ data: messages[round % 2]?.slice().buffer });
      times.push((await nextDraw()) - at);
    }
    return times;
  },

  /** From now on, note for every move of the pointer how long it takes to the canvas: [milliseconds, refreshes]. */
  watchStrokes(): [number, number][] {
    const found: [number, number][] = [];
    let refreshes = 0;
    const count = () => {
      refreshes += 1;
      requestAnimationFrame(count);
    };
    requestAnimationFrame(count);
    window.addEventListener(
      "pointermove",
      (event) => {
        const before = refreshes;
        void nextDraw().then((at) => found.push([at - event.timeStamp, Math.max(refreshes - before, 1)]));
      },
      { capture: true },
    );
    return found;
  },
};

if (query.has("sweep")) {
  while (editor.frames.loadedCount < editor.frames.wantedCount) await wait(100);
  editor.setSpeed(4);
  editor.play();
  void fetch("sweeping/");
}

declare global {
  interface Window {
    bench: typeof bench;
  }
}
window.bench = bench;
