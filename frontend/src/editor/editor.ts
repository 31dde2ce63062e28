/** The reading editor without a screen: what the reader does goes in, state and masks come out. */

import { BINDABLE } from "./actions";
import { Clock } from "./clock";
import { encodeMask, toBase64, toBitmap } from "./codec";
import { type PendingEvent, ReadingDocument } from "./document";
import { FrameLoader } from "./frames";
import { Keymap } from "./keymap";
import { Outbox, type OutboxStorage } from "./outbox";
import { ReadingSocket } from "./socket";
import { createEditorStore, type EditorState, type EditorStore, isActive } from "./state";
import type {
  Appended,
  Box,
  CineInfo,
  EventBody,
  Gateway,
  JobInfo,
  LabelInfo,
  PromptPoint,
  Refusal,
} from "./types";
import type { Viewport } from "./viewport";

export interface EditorSetup {
  readingId: string;
  cine: CineInfo;
  labels: LabelInfo[];
  readingStatus: string;
  canWrite: boolean;
  gateway: Gateway;
  storage: OutboxStorage;
}

/** What is being drawn and not committed yet: a whole bitmap of the frame, one byte a pixel. */
export interface Draft {
  labelIndex: number;
  frameIndex: number;
  bitmap: Uint8Array;
}

const POLL_MS = 2000;

export class Editor {
  readonly store: EditorStore;
  readonly document: ReadingDocument;
  readonly frames: FrameLoader;
  readonly clock: Clock;
  readonly cine: CineInfo;
  readonly labels: LabelInfo[];
  readonly keymap: Keymap;
  /** The box being dragged, in image pixels. */
  dragBox: Box | null = null;
  draft: Draft | null = null;
  /** Where the cine is shown, while it is. */
  viewport: Viewport | null = null;
  private readonly outbox: Outbox;
  private readonly gateway: Gateway;
  private socket: ReadingSocket | undefined;
  private poll: ReturnType<typeof setInterval> | undefined;
  private readonly repaints = new Set<() => void>();
  private playFrom: { startedAt: number; timeMs: number } | null = null;
  private reloading: Promise<void> | undefined;
  private isClosed = false;

  constructor(setup: EditorSetup) {
    this.cine = setup.cine;
    this.labels = setup.labels;
    this.keymap = new Keymap(BINDABLE, setup.storage);
    this.gateway = setup.gateway;
    this.document = new ReadingDocument(setup.labels);
    this.clock = new Clock(setup.cine.frameTimesMs, setup.cine.frameCount);
    this.frames = new FrameLoader(setup.cine, (number, signal) => setup.gateway.frame(number, signal));
    this.store = createEditorStore({
      labelCode: setup.labels[0]?.code ?? "",
      window: setup.cine.window,
      readingStatus: setup.readingStatus,
      canWrite: setup.canWrite,
    });
    this.outbox = new Outbox(
      `cineloop.outbox.${setup.readingId}`,
      setup.gateway,
      {
        revision: () => this.document.revision,
        acknowledged: (_event, answer) => this.acknowledged(answer),
        reload: () => this.reload(),
        refused: (event, refusal) => this.refused(event, refusal),
        changed: () => this.sync(),
      },
      setup.storage,
    );
    this.frames.onLoad((frame) => {
      this.set({ framesLoaded: this.frames.loadedCount });
      if (frame === this.state.frameIndex) this.repaint();
    });
  }

  get state(): EditorState {
    return this.store.getState();
  }

  get label(): LabelInfo | undefined {
    return this.document.labelOf(this.state.labelCode);
  }

  set(change: Partial<EditorState>): void {
    this.store.setState(change);
  }

  /** Have a function called whenever the picture has to be drawn anew. */
  onRepaint(listener: () => void): () => void {
    this.repaints.add(listener);
    return () => this.repaints.delete(listener);
  }

  repaint(): void {
    for (const listener of this.repaints) listener();
  }

  /** Load the reading, begin to listen, and send what an earlier visit left unsent. */
  async open(): Promise<void> {
    try {
      await this.reload();
    } catch (error) {
      this.set({ status: "failed", failure: error instanceof Error ? error.message : String(error) });
      return;
    }
    if (this.isClosed) return;
    this.set({ status: "ready" });
    this.socket = new ReadingSocket(this.gateway.socketUrl(), {
      mask: (data) => this.receiveMask(data),
      job: (job) => this.receiveJob(job),
      revision: (revision) => this.receiveRevision(revision),
      presence: (presence) => this.set({ presence }),
      opened: (again) => {
        this.set({ online: true });
        this.outbox.start();
        if (again) void this.reload().catch(() => undefined);
      },
      closed: () => this.set({ online: false }),
    });
    this.socket.open();
    this.poll = setInterval(() => void this.pollJobs(), POLL_MS);
    this.outbox.start();
    this.frames.moveTo(this.state.frameIndex);
  }

  close(): void {
    this.isClosed = true;
    clearInterval(this.poll);
    this.socket?.close();
    this.outbox.close();
    this.frames.close();
  }

  // --- what the server says -------------------------------------------------------------------------------------

  async reload(): Promise<void> {
    this.reloading ??= this.fetchAll().finally(() => {
      this.reloading = undefined;
    });
    return this.reloading;
  }

  private async fetchAll(): Promise<void> {
    const [masks, events, jobs] = await Promise.all([
      this.gateway.masks(),
      this.gateway.events(),
      this.gateway.jobs(),
    ]);
    const newest = Math.max(masks.revision, events.at(-1)?.seq ?? 0);
    this.document.reset(newest, masks.masks, events);
    for (const event of this.outbox.pending) this.applyLocally(event.body);
    this.set({ jobs: new Map(jobs.map((job) => [job.id, job])) });
    this.touch();
  }

  private acknowledged(answer: Appended): void {
    this.document.append(answer);
    // The answer may be older than what this tab has drawn since.
    for (const event of this.outbox.pending) this.applyLocally(event.body);
    if (answer.job) this.receiveJob(answer.job);
    this.touch();
  }

  private async refused(event: PendingEvent, refusal: Refusal): Promise<void> {
    this.notify(refusal.code, refusal.message);
    if (event.body.kind !== "prompt") await this.reload();
    this.touch();
  }

  private receiveMask(data: Uint8Array): void {
    const label = data[3];
    const frame = new DataView(data.buffer, data.byteOffset).getUint32(4, true);
    const isDrawnOver = this.outbox.pending.some(
      ({ body }) =>
        body.kind === "edit" &&
        body.payload.frame_index === frame &&
        this.document.labelOf(body.payload.label)?.index === label,
    );
    if (isDrawnOver) return;
    this.document.setMessage(data);
    this.touch();
  }

  private receiveJob(job: JobInfo): void {
    const known = this.state.jobs.get(job.id);
    if (known && !isActive(known) && isActive(job)) return;
    this.set({ jobs: new Map(this.state.jobs).set(job.id, job) });
    const hasEnded = !isActive(job) && (!known || isActive(known));
    if (job.status === "FAILED" && hasEnded && job.error) this.notify(job.error.code, job.error.message);
    // Hints may have been dropped on the way: once a job has ended, its masks are fetched for certain.
    if (hasEnded) void this.reload().catch(() => undefined);
  }

  private receiveRevision(revision: number): void {
    if (revision > this.document.revision && this.outbox.state === "saved") {
      void this.reload().catch(() => undefined);
    }
  }

  /** Without a socket, ask for the jobs that are under way. */
  private async pollJobs(): Promise<void> {
    const active = [...this.state.jobs.values()].some(isActive);
    if (!active || this.socket?.isOpen) return;
    try {
      for (const job of await this.gateway.jobs()) this.receiveJob(job);
      await this.reload();
    } catch {
      // Still out of reach; the next round tries again.
    }
  }

  // --- what the reader does -------------------------------------------------------------------------------------

  private commit(body: EventBody): void {
    if (!this.state.canWrite) {
      this.notify("reading_not_editable", "This reading is submitted; reopen it to change it.");
      return;
    }
    this.applyLocally(body);
    this.outbox.add(body);
    this.touch();
  }

  private applyLocally(body: EventBody): void {
    if (body.kind === "edit") {
      const label = this.document.labelOf(body.payload.label);
      if (!label) return;
      const data = Uint8Array.from(atob(body.payload.mask), (letter) => letter.charCodeAt(0));
      const header = data.length > 32;
      const frameIndex = body.payload.frame_index;
      this.document.set({
        labelIndex: label.index,
        frameIndex,
        provenance: "HUMAN",
        accepted: this.isAccepted(frameIndex),
        area: header ? 1 : 0,
        score: null,
        data,
      });
    } else if (body.kind === "accept") {
      this.document.accept(body.payload.frame_indices, body.payload.accepted);
    }
  }

  addPoint(point: PromptPoint): void {
    if (!this.label) return;
    const payload = {
      frame_index: this.state.frameIndex,
      label: this.label.code,
      points: [point],
      box: null,
    };
    this.commit({ kind: "prompt", payload });
  }

  addBox(box: Box): void {
    if (!this.label) return;
    const payload = { frame_index: this.state.frameIndex, label: this.label.code, points: [], box };
    this.commit({ kind: "prompt", payload });
  }

  /** The mask of the active label on this frame as a bitmap to draw on. */
  startDraft(): Draft | null {
    const label = this.label;
    if (!label || !this.state.canWrite) {
      this.notify("reading_not_editable", "This reading is submitted; reopen it to change it.");
      return null;
    }
    const { frameIndex } = this.state;
    const pixels = this.document.pixels(label.index, frameIndex);
    const bitmap = pixels ? toBitmap(pixels) : new Uint8Array(this.cine.rows * this.cine.columns);
    this.draft = { labelIndex: label.index, frameIndex, bitmap };
    return this.draft;
  }

  commitDraft(tool: string): void {
    const draft = this.draft;
    this.draft = null;
    const label = this.labels.find((known) => known.index === draft?.labelIndex);
    if (!draft || !label) return;
    const mask = toBase64(encodeMask(draft.bitmap, this.cine.columns, this.cine.rows));
    this.commit({ kind: "edit", payload: { frame_index: draft.frameIndex, label: label.code, mask, tool } });
  }

  clearMask(): void {
    if (!this.label || !this.document.mask(this.label.index, this.state.frameIndex)) return;
    this.startDraft();
    this.draft?.bitmap.fill(0);
    this.commitDraft("clear");
  }

  propagate(direction = this.state.direction, reach?: number): void {
    const { frameIndex } = this.state;
    const labels = this.labels.filter((label) => this.document.mask(label.index, frameIndex));
    if (!labels.length) {
      this.notify("nothing_to_propagate", "There is no mask on this frame to propagate from.");
      return;
    }
    const last = this.cine.frameCount - 1;
    this.commit({
      kind: "propagate",
      payload: {
        labels: labels.map((label) => label.code),
        frame_index: frameIndex,
        start: direction === "forward" ? frameIndex : Math.max(0, frameIndex - (reach ?? last)),
        stop: direction === "backward" ? frameIndex : Math.min(last, frameIndex + (reach ?? last)),
        direction,
      },
    });
  }

  async stopJobs(): Promise<void> {
    const active = [...this.state.jobs.values()].filter(isActive);
    await Promise.all(active.map((job) => this.gateway.cancelJob(job.id).catch(() => undefined)));
    await this.reload().catch(() => undefined);
  }

  isAccepted(frameIndex: number): boolean {
    return this.labels.some((label) => this.document.mask(label.index, frameIndex)?.accepted);
  }

  accept(frameIndices: number[], accepted: boolean): void {
    if (frameIndices.length)
      this.commit({ kind: "accept", payload: { frame_indices: frameIndices, accepted } });
  }

  toggleAccept(): void {
    const { frameIndex } = this.state;
    if (!this.labels.some((label) => this.document.mask(label.index, frameIndex))) {
      this.notify("nothing_to_accept", "There is no mask on this frame to accept.");
      return;
    }
    this.accept([frameIndex], !this.isAccepted(frameIndex));
  }

  acceptAll(): void {
    const frames = new Set<number>();
    for (const entry of this.document.entries()) if (!entry.accepted) frames.add(entry.frameIndex);
    this.accept(
      [...frames].sort((a, b) => a - b),
      true,
    );
  }

  async undo(): Promise<void> {
    await this.idle();
    const target = this.document.undoTarget();
    if (!target) return;
    this.showFrameOf(target.payload);
    this.commit({ kind: "undo", payload: { target: target.id } });
  }

  async redo(): Promise<void> {
    await this.idle();
    const target = this.document.redoTarget();
    if (!target) return;
    this.showFrameOf(target.payload);
    this.commit({ kind: "redo", payload: { target: target.id } });
  }

  /** Undo shows the frame it changes, so that nothing changes out of sight. */
  private showFrameOf(payload: Record<string, unknown>): void {
    if (typeof payload.frame_index === "number") this.goTo(payload.frame_index);
  }

  /** Wait until every event has been acknowledged: an undo has to name one that the server knows. */
  async idle(): Promise<void> {
    while (this.outbox.state !== "saved" && !this.isClosed) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  prompts() {
    return this.document.prompts(this.state.labelCode, this.state.frameIndex, this.outbox.pending);
  }

  // --- time -----------------------------------------------------------------------------------------------------

  goTo(frameIndex: number): void {
    const frame = Math.min(Math.max(Math.round(frameIndex), 0), this.cine.frameCount - 1);
    this.playFrom = null;
    this.show(frame, false);
  }

  step(by: number): void {
    const count = this.cine.frameCount;
    this.goTo((((this.state.frameIndex + by) % count) + count) % count);
  }

  play(): void {
    if (this.cine.frameCount < 2) return;
    this.playFrom = { startedAt: performance.now(), timeMs: this.clock.timeOf(this.state.frameIndex) };
    this.set({ playing: true });
    this.repaint();
  }

  pause(): void {
    this.playFrom = null;
    this.set({ playing: false });
  }

  setSpeed(speed: number): void {
    this.set({ speed });
    if (this.state.playing) this.play();
  }

  /** Called before each repaint of the screen; returns whether another one is needed. */
  tick(now: number): boolean {
    if (!this.playFrom) return false;
    const elapsed = (now - this.playFrom.startedAt) * this.state.speed;
    const frame = this.clock.frameAt(this.playFrom.timeMs + Math.max(elapsed, 0));
    if (frame !== this.state.frameIndex && this.frames.get(frame)) this.show(frame, true);
    return true;
  }

  private show(frameIndex: number, playing: boolean): void {
    this.set({ frameIndex, playing });
    this.frames.moveTo(frameIndex);
    this.repaint();
  }

  // --- the rest -------------------------------------------------------------------------------------------------

  nudgeWindow(dx: number, dy: number): void {
    const [low, high] = this.state.window;
    const span = this.cine.window[1] - this.cine.window[0] || 255;
    const width = Math.max(span / 256, high - low + (dx * span) / 400);
    const level = (low + high) / 2 - (dy * span) / 400;
    this.set({ window: [level - width / 2, level + width / 2] });
    this.repaint();
  }

  resetWindow(): void {
    this.set({ window: this.cine.window, inverted: false });
    this.repaint();
  }

  notify(code: string, text: string): void {
    this.set({ notice: { code, text, at: Date.now() } });
  }

  /** Something about masks or prompts changed. */
  touch(): void {
    this.set({ masksVersion: this.state.masksVersion + 1 });
    this.sync();
    this.repaint();
  }

  private sync(): void {
    const isSaved = this.outbox.state === "saved";
    this.set({
      save: this.outbox.state,
      pendingCount: this.outbox.pending.length,
      revision: this.document.revision,
      canUndo: this.state.canWrite && (!isSaved || this.document.undoTarget() !== undefined),
      canRedo: this.state.canWrite && isSaved && this.document.redoTarget() !== undefined,
    });
  }
}
