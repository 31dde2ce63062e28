/** The reading editor without a screen: what the reader does goes in, state and masks come out. */

import { BINDABLE } from "./actions";
import { Clock } from "./clock";
import { encodeMask, readHeader, toBase64, toBitmap } from "./codec";
import { Comparison } from "./compare/comparison";
import { type ComparisonGateway, NOTHING_BESIDE } from "./compare/second";
import { conflictsOf, conflictText } from "./conflicts";
import { Crosshair } from "./crosshair";
import { type PendingEvent, ReadingDocument } from "./document";
import { Enhancer } from "./enhance/enhancer";
import { whenIdle } from "./enhance/pace";
import type { Step } from "./fold";
import { FrameLoader } from "./frames";
import { jump } from "./jumps";
import { Keymap, type KeymapStorage } from "./keymap";
import { type AccountKeys, KeymapAccount } from "./keymapAccount";
import { Outbox } from "./outbox";
import { memoryStore, type OutboxStore } from "./outboxStore";
import { Pen } from "./pen";
import { Playback } from "./playback";
import { type Plan, payloadOf, planOf, type Run, resumePayload } from "./propagation";
import { ReadingSocket } from "./socket";
import { createEditorStore, type EditorState, type EditorStore, isActive, type ToolId } from "./state";
import { stepName, stepPlace } from "./steps";
import { openTab, type Tab } from "./tab";
import { createTools, type Tool } from "./tools";
import { defaultOptions } from "./tools/options";
import {
  type Appended,
  type Box,
  type CineInfo,
  type EventBody,
  type Gateway,
  type JobInfo,
  type LabelInfo,
  type Line,
  type MaskEdit,
  type PromptPayload,
  type PromptPoint,
  Refusal,
  type Scored,
  type WriterInfo,
} from "./types";
import type { Viewport } from "./viewport";
import { presetsFor, type WindowPreset } from "./windows";

export interface EditorSetup {
  readingId: string;
  cine: CineInfo;
  labels: LabelInfo[];
  readingStatus: string;
  canWrite: boolean;
  gateway: Gateway;
  /** User name of the reader, whose unsent events alone are sent. */
  owner?: string;
  /** Where unsent events are kept; only as long as the page lives, if not given. */
  store?: OutboxStore;
  tab?: Tab;
  /** Where the reader's own keys are kept; only as long as the page lives, if not given. */
  storage?: KeymapStorage;
  /** What can be laid beside the reading; nothing, if not given. */
  comparison?: { gateway: ComparisonGateway; isAssisted: boolean };
  /** Where the reader's own keys are found at any computer. */
  accountKeys?: AccountKeys;
}

/** What is being drawn and not committed yet: a whole bitmap of the frame, one byte a pixel. */
export interface Draft {
  labelIndex: number;
  frameIndex: number;
  bitmap: Uint8Array;
}

const POLL_MS = 2000;
/** Mask messages have 16 bits for the number of their run. */
const RUN_IDS = 1 << 16;

/** Image pixels as they are sent: in hundredths. */
function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

export class Editor {
  readonly store: EditorStore;
  readonly document: ReadingDocument;
  readonly frames: FrameLoader;
  readonly clock: Clock;
  readonly playback = new Playback(this);
  readonly cine: CineInfo;
  readonly labels: LabelInfo[];
  readonly enhance: Enhancer;
  readonly comparison: Comparison;
  readonly keymap: Keymap;
  readonly crosshair: Crosshair;
  private readonly keysAway: KeymapAccount | undefined;
  draft: Draft | null = null;
  readonly tools = createTools();
  /** Where the cine is shown, while it is. */
  viewport: Viewport | null = null;
  private readonly outbox: Outbox;
  private readonly pen: Pen;
  private readonly gateway: Gateway;
  /** Whether the account and the state of the reading allow to write, whichever tab does. */
  private mayWrite: boolean;
  private isPenOpen = false;
  /** Client UUIDs of the events of this tab, to tell them from those of others. */
  private readonly own = new Set<string>();
  private readonly toldConflicts = new Set<string>();
  private ended: Refusal | null = null;
  private socket: ReadingSocket | undefined;
  private poll: ReturnType<typeof setInterval> | undefined;
  private readonly repaints = new Set<() => void>();
  private reloading: Promise<void> | undefined;
  private reloadingAgain: Promise<void> | undefined;
  private isClosed = false;

  constructor(setup: EditorSetup) {
    this.cine = setup.cine;
    this.labels = setup.labels;
    this.keymap = new Keymap(BINDABLE, setup.storage, setup.owner);
    const notify = (code: string, text: string) => this.notify(code, text);
    if (setup.accountKeys) this.keysAway = new KeymapAccount(this.keymap, setup.accountKeys, notify);
    this.gateway = setup.gateway;
    this.document = new ReadingDocument(setup.labels);
    this.clock = new Clock(setup.cine.frameTimesMs, setup.cine.frameCount);
    this.frames = new FrameLoader(setup.cine, (number, signal) => setup.gateway.frame(number, signal));
    this.store = createEditorStore({
      labelCode: setup.labels[0]?.code ?? "",
      window: setup.cine.window,
      readingStatus: setup.readingStatus,
      canWrite: setup.canWrite,
      options: defaultOptions(setup.cine),
    });
    this.crosshair = new Crosshair(this);
    this.enhance = new Enhancer(this, whenIdle);
    const { gateway, isAssisted } = setup.comparison ?? { gateway: NOTHING_BESIDE, isAssisted: true };
    this.comparison = new Comparison(this, gateway, isAssisted, whenIdle);
    this.mayWrite = setup.canWrite;
    const tab = setup.tab ?? openTab();
    this.pen = new Pen(tab, setup.gateway, () => void this.penChanged());
    this.outbox = new Outbox({
      readingId: setup.readingId,
      title: setup.cine.title,
      owner: setup.owner ?? "",
      tab,
      store: setup.store ?? memoryStore(),
      gateway: setup.gateway,
      hooks: {
        revision: () => this.document.revision,
        acknowledged: (_event, answer) => this.acknowledged(answer),
        reload: () => this.reload(),
        refused: (event, refusal) => this.refused(event, refusal),
        changed: () => this.sync(),
      },
    });
    setup.gateway.transport?.onChange((transport) => this.set({ transport }));
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
    this.frames.moveTo(this.state.frameIndex);
    void this.keysAway?.open();
    try {
      await this.reload();
    } catch (error) {
      this.set({ status: "failed", failure: error instanceof Error ? error.message : String(error) });
      return;
    }
    await this.adopt();
    if (this.mayWrite) await this.openPen();
    if (this.isClosed) return;
    this.set({ status: "ready" });
    const window = this.document.lastWindow();
    if (window) this.lookThrough(window);
    this.socket = new ReadingSocket(this.gateway.socketUrl(), {
      mask: (data) => this.receiveMask(data),
      job: (job, scored) => this.receiveJob(job, scored),
      revision: (revision) => this.receiveRevision(revision),
      presence: (presence) => this.set({ presence }),
      writer: (writer) => this.mayWrite && this.pen.receive(writer),
      access: (status, canWrite) => this.setAccess(status, canWrite),
      ended: (reason) => this.setEnded(reason),
      opened: (again) => {
        this.setEnded(null);
        this.set({ online: true });
        this.sendOn();
        if (again) void this.reload().catch(() => undefined);
      },
      closed: () => this.set({ online: false }),
    });
    this.socket.open();
    this.poll = setInterval(() => void this.pollJobs(), POLL_MS);
    this.sendOn();
    void this.fetchHidden();
  }

  close(): void {
    this.isClosed = true;
    clearInterval(this.poll);
    this.socket?.close();
    this.pen.close();
    this.keysAway?.close();
    this.outbox.close();
    this.comparison.close();
    this.frames.close();
    this.gateway.transport?.close();
  }

  // --- what the server says -------------------------------------------------------------------------------------

  /** Fetch what the server holds; while an answer is under way that may be too old, once more after it. */
  reload(): Promise<void> {
    if (!this.reloading) return this.startReload();
    this.reloadingAgain ??= this.reloading
      .catch(() => undefined)
      .then(() => {
        this.reloadingAgain = undefined;
        return this.startReload();
      });
    return this.reloadingAgain;
  }

  private startReload(): Promise<void> {
    this.reloading = this.fetchAll().finally(() => {
      this.reloading = undefined;
    });
    return this.reloading;
  }

  private async fetchAll(): Promise<void> {
    const since = this.document.revision;
    const [masks, events, jobs] = await Promise.all([
      this.gateway.masks(),
      this.gateway.events(since),
      this.gateway.jobs(),
    ]);
    if (masks.revision < since) this.document.reset(await this.gateway.events(0), masks.masks);
    else this.document.merge(events, masks.masks);
    // Something was appended between the two answers: each of them has to be as new as the other.
    if (masks.revision > this.document.revision) {
      this.document.merge(await this.gateway.events(this.document.revision), masks.masks);
    } else if (masks.revision < since + events.length) {
      this.document.merge([], (await this.gateway.masks()).masks);
    }
    this.outbox.forget((clientUuid) => this.document.knows(clientUuid));
    this.set({ jobs: new Map(jobs.map((job) => [job.id, job])) });
    this.tellConflicts();
    this.touch();
  }

  /** What undo and redo would bring to light, so that they need no answer; without it, they wait for one. */
  private async fetchHidden(): Promise<void> {
    try {
      this.document.merge([], await this.gateway.hiddenMasks());
    } catch {
      // The answer to an undo brings what it uncovers too.
    }
  }

  /** The server has ended the connection and said why; whether it takes events all the same, they are going to find out. */
  private setEnded(reason: Refusal | null): void {
    this.ended = reason;
    this.sync();
  }

  private acknowledged(answer: Appended): void {
    this.ended = null;
    this.document.append(answer);
    if (answer.job) this.receiveJob(answer.job);
    this.touch();
  }

  private async refused(_event: PendingEvent, refusal: Refusal): Promise<void> {
    this.notify(refusal.code, refusal.message);
    this.touch();
    await this.reload();
  }

  /** Say which frames another tab has changed since this one looked: what is unsent here is going to lie on top. */
  private tellConflicts(): void {
    const found = conflictsOf(this.document, this.outbox, this.own).filter(
      ({ event }) => !this.toldConflicts.has(event.clientUuid),
    );
    if (!found.length) return;
    for (const { event } of found) this.toldConflicts.add(event.clientUuid);
    this.notify("changed_elsewhere", conflictText(found, this.labels));
  }

  private receiveMask(data: Uint8Array): void {
    // What was drawn by hand in another tab comes with the log.
    const { provenance, runId } = readHeader(data);
    if (provenance === "HUMAN") return;
    const job = [...this.state.jobs.values()].find((known) => known.run_no % RUN_IDS === runId);
    // Of a job that this tab has not heard of, the masks are fetched when it ends.
    if (!job) return;
    this.document.setMessage(data, job.client_uuid);
    this.touch();
  }

  private receiveJob(job: JobInfo, scored?: Scored): void {
    const label = scored && this.document.labelOf(scored.label);
    if (label) this.document.setScore(label.index, scored.frame_index, job.event_seq, scored.score);
    const known = this.state.jobs.get(job.id);
    if (known && !isActive(known) && isActive(job)) return;
    this.set({ jobs: new Map(this.state.jobs).set(job.id, job) });
    const hasEnded = !isActive(job) && (!known || isActive(known));
    if (job.status === "FAILED" && hasEnded && job.error) this.notify(job.error.code, job.error.message);
    // Hints may have been dropped on the way: once a job has ended, its masks are fetched for certain.
    if (hasEnded) void this.reload().catch(() => undefined);
  }

  private receiveRevision(revision: number): void {
    const isExpected = this.outbox.state === "saving";
    if (revision > this.document.revision && !isExpected) {
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

  // --- who writes -----------------------------------------------------------------------------------------------

  /** Try again at once what could not be sent. */
  sendOn(): void {
    this.socket?.retry();
    if (this.pen.other) return;
    this.outbox.start();
    this.sync();
  }

  /** Write here from now on; the tab that wrote so far looks on. */
  async takeOver(): Promise<void> {
    try {
      await this.pen.takeOver();
    } catch (error) {
      const isRefused = error instanceof Refusal;
      this.notify(
        "take_over_failed",
        isRefused ? error.message : "The server could not be reached; try again.",
      );
    }
  }

  /** The page is being left: another tab need not wait to write. */
  leave(): void {
    if (this.isPenOpen) this.pen.layDown();
  }

  /** The page that was left is back. */
  async comeBack(): Promise<void> {
    if (this.isPenOpen) await this.pen.claim();
  }

  setAccess(readingStatus: string, mayWrite: boolean): void {
    this.mayWrite = mayWrite;
    this.set({ readingStatus });
    if (mayWrite) void this.openPen();
    this.shareAccess();
    this.sendOn();
  }

  /** Give up what could not be sent. */
  async discardUnsent(): Promise<void> {
    await this.outbox.discard();
    this.touch();
  }

  private async openPen(): Promise<void> {
    this.isPenOpen = true;
    await this.pen.open();
  }

  private async adopt(): Promise<void> {
    if (!this.mayWrite) return;
    try {
      await this.outbox.adopt();
      this.tellConflicts();
    } catch {
      this.notify(
        "storage_unavailable",
        "This browser does not let CineLoop keep unsent changes: keep this tab open until everything is saved.",
      );
    }
  }

  private async penChanged(): Promise<void> {
    const { other } = this.pen;
    if (other) {
      this.outbox.hold(new Refusal("not_the_writer", "Another tab writes this reading.", 409));
      this.set({ wasTakenOver: this.state.status === "ready" });
      this.shareAccess();
      return;
    }
    this.set({ wasTakenOver: false });
    await this.adopt();
    await this.reload().catch(() => undefined);
    this.shareAccess();
    this.sendOn();
  }

  private shareAccess(): void {
    const otherWriter = this.mayWrite ? this.pen.other : null;
    this.set({ otherWriter, canWrite: this.mayWrite && !otherWriter });
    this.sync();
  }

  private refuseToWrite(): void {
    if (this.state.otherWriter) {
      this.notify("not_the_writer", "This reading is being written in another tab; take over to write here.");
    } else {
      this.notify("reading_not_editable", "This reading is submitted; reopen it to change it.");
    }
  }

  // --- what the reader does -------------------------------------------------------------------------------------

  private commit(body: EventBody): void {
    if (!this.state.canWrite) {
      this.refuseToWrite();
      return;
    }
    const { modelWindow } = this.state;
    if (modelWindow && (body.kind === "prompt" || body.kind === "propagate"))
      body.payload.window = modelWindow;
    this.outbox.add(body);
  }

  addPoint(point: PromptPoint): void {
    this.addPoints([point]);
  }

  /** Points that are one prompt. */
  addPoints(points: PromptPoint[]): void {
    if (!points.length) return;
    this.ask({ points: points.map(({ x, y, positive }) => ({ x: rounded(x), y: rounded(y), positive })) });
  }

  addBox(box: Box): void {
    this.ask({ box: box.map(rounded) as Box });
  }

  addLine(line: Line): void {
    this.ask({ line: line.map(rounded) as Line });
  }

  /** Ask for what words name on this frame; the mask becomes one of the active label. */
  addText(text: string): void {
    const words = text.trim();
    if (words) this.ask({ text: words });
  }

  /** Prompt for the active label on this frame. */
  private ask(prompt: Partial<PromptPayload>): void {
    if (!this.label) return;
    const place = { frame_index: this.state.frameIndex, label: this.label.code };
    this.commit({ kind: "prompt", payload: { ...place, points: [], box: null, ...prompt } });
  }

  /** The mask of the active label on this frame as a bitmap to draw on. */
  startDraft(): Draft | null {
    const label = this.label;
    if (!label || !this.state.canWrite) {
      this.refuseToWrite();
      return null;
    }
    const { frameIndex } = this.state;
    const pixels = this.document.pixels(label.index, frameIndex);
    const bitmap = pixels ? toBitmap(pixels) : new Uint8Array(this.cine.rows * this.cine.columns);
    this.draft = { labelIndex: label.index, frameIndex, bitmap };
    return this.draft;
  }

  commitDraft(tool: string): void {
    const edits = this.draft ? this.editsOf([this.draft]) : [];
    this.draft = null;
    // Whoever began to draw could write then: a stroke is kept even if another tab has taken over meanwhile.
    for (const edit of edits) this.outbox.add({ kind: "edit", payload: { ...edit, tool } });
  }

  /** Whole bitmaps as they are to be from now on, in one step that is undone as one. */
  commitMasks(masks: readonly Draft[], tool: string, provenance: "HUMAN" | "INTERPOLATED" = "HUMAN"): void {
    const edits = this.editsOf(masks);
    if (edits.length) this.commit({ kind: "edit", payload: { edits, tool, provenance } });
  }

  /** Give what a label has on some frames to another, in one step. */
  relabel(label: LabelInfo, to: LabelInfo, frameIndices: number[]): void {
    const payload = { label: label.code, to: to.code, frame_indices: frameIndices };
    this.commit({ kind: "relabel", payload });
  }

  private editsOf(masks: readonly Draft[]): MaskEdit[] {
    return masks.flatMap(({ labelIndex, frameIndex, bitmap }) => {
      const label = this.labels.find((known) => known.index === labelIndex);
      const mask = toBase64(encodeMask(bitmap, this.cine.columns, this.cine.rows));
      return label ? [{ frame_index: frameIndex, label: label.code, mask }] : [];
    });
  }

  clearMask(): void {
    if (!this.label || !this.document.mask(this.label.index, this.state.frameIndex)) return;
    this.startDraft();
    this.draft?.bitmap.fill(0);
    this.commitDraft("clear");
  }

  propagate(direction = this.state.direction): void {
    this.startPlan(planOf(this, direction));
  }

  startPlan(plan: Plan): void {
    if (plan.refusal) this.notify(plan.refusal.code, plan.refusal.text);
    else this.commit({ kind: "propagate", payload: payloadOf(plan) });
  }

  resume(run: Run): void {
    this.commit({ kind: "propagate", payload: resumePayload(run) });
  }

  async stopJob(id: string): Promise<void> {
    await this.gateway.cancelJob(id).catch(() => undefined);
    await this.reload().catch(() => undefined);
  }

  async stopJobs(): Promise<void> {
    const active = [...this.state.jobs.values()].filter(isActive);
    await Promise.all(active.map((job) => this.gateway.cancelJob(job.id).catch(() => undefined)));
    await this.reload().catch(() => undefined);
  }

  isAccepted(frameIndex: number): boolean {
    return this.document.isAccepted(frameIndex);
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

  undo(): void {
    this.reverse("undo", this.document.undoTarget());
  }

  redo(): void {
    this.reverse("redo", this.document.redoTarget());
  }

  private reverse(kind: "undo" | "redo", target: Step | undefined): void {
    if (!target) return;
    if (this.state.canWrite) this.bringIntoView(target);
    this.commit({ kind, payload: { target_client: target.clientUuid } });
  }

  /** Undo shows the frame and the label it changes, so that nothing changes out of sight. */
  private bringIntoView(step: Step): void {
    const { frameIndex, labelCode } = stepPlace(step, this.state);
    const hiddenLabels = new Set(this.state.hiddenLabels);
    hiddenLabels.delete(labelCode);
    this.set({ labelCode, hiddenLabels });
    this.goTo(frameIndex);
  }

  /** Wait until every event has been acknowledged; throws the reason when that cannot be. */
  async idle(): Promise<void> {
    while (this.outbox.state !== "saved" && !this.isClosed) {
      if (this.outbox.held) throw this.outbox.held;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** The tool that the pointer has now; panning is the view's. */
  get tool(): Tool | null {
    return this.state.tool === "pan" ? null : this.tools[this.state.tool];
  }

  /** Looking about (pan, window) does not give up what another tool has begun. */
  chooseTool(id: ToolId): void {
    const isLooking = id === "pan" || id === "window";
    for (const tool of isLooking ? [] : Object.values(this.tools)) {
      if (tool !== this.tools[id]) tool.drop?.(this);
    }
    const before = this.state.tool;
    this.set({ tool: id });
    if (before !== id) this.tool?.chosen?.(this, before);
    this.repaint();
  }

  /** The token that says to the server which tab this is. */
  get writerToken(): string {
    return this.pen.token;
  }

  prompts() {
    return this.document.prompts(this.state.labelCode, this.state.frameIndex);
  }

  // --- time -----------------------------------------------------------------------------------------------------

  goTo(frameIndex: number): void {
    this.playback.pause();
    this.show(Math.min(Math.max(Math.round(frameIndex), 0), this.cine.frameCount - 1), false);
  }

  step(by: number): void {
    const mode = this.state.stepMode;
    if (mode !== "all") {
      jump(this, mode, by < 0 ? -1 : 1);
      return;
    }
    const count = this.cine.frameCount;
    this.goTo((((this.state.frameIndex + by) % count) + count) % count);
  }

  play(): void {
    this.playback.play();
  }

  pause(): void {
    this.playback.pause();
  }

  setSpeed(speed: number): void {
    this.playback.setSpeed(speed);
  }

  /** Called before each repaint of the screen; returns whether another one is needed. */
  tick(now: number): boolean {
    return this.playback.tick(now);
  }

  /** Show a frame, in the course of playing or not. */
  show(frameIndex: number, playing: boolean): void {
    this.set({ frameIndex, playing });
    this.frames.moveTo(frameIndex, playing);
    this.repaint();
  }

  // --- the rest -------------------------------------------------------------------------------------------------

  nudgeWindow(dx: number, dy: number): void {
    const [low, high] = this.state.window;
    const span = this.cine.window[1] - this.cine.window[0] || 255;
    const width = Math.max(span / 256, high - low + (dx * span) / 400);
    const level = (low + high) / 2 - (dy * span) / 400;
    this.set({ window: [level - width / 2, level + width / 2], preset: "" });
    this.repaint();
  }

  /** Use the next window preset that this frame offers. */
  nextPreset(): void {
    const frame = this.frames.get(this.state.frameIndex);
    if (!frame) return;
    const presets = presetsFor(this.cine);
    const known = presets.findIndex((preset) => preset.id === this.state.preset);
    for (let by = 1; by <= presets.length; by++) {
      const preset = presets[(Math.max(known, 0) + by) % presets.length];
      if (preset && this.applyPreset(preset)) return;
    }
  }

  /** Use a window preset; returns whether this frame offers it. */
  applyPreset(preset: WindowPreset): boolean {
    const frame = this.frames.get(this.state.frameIndex);
    const window = frame && preset.windowOf(frame);
    if (!window) return false;
    this.set({ window, preset: preset.id });
    this.repaint();
    return true;
  }

  resetWindow(): void {
    this.set({ window: this.cine.window, preset: "own", inverted: false });
    this.repaint();
  }

  /** Choose the window that the model looks through from now on, and show the cine through it too. */
  lookThrough(name: string | null): void {
    const window = name === null ? this.cine.window : this.cine.windows[name];
    if (!window) return;
    // The windows of CT are presets too; any other one has no name to show.
    const preset = name === null ? "own" : (presetsFor(this.cine).find(({ id }) => id === name)?.id ?? "");
    this.set({ modelWindow: name, window, preset });
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
    const { outbox } = this;
    for (const { clientUuid } of outbox.pending) this.own.add(clientUuid);
    if (this.document.setPending(outbox.pending)) {
      this.set({ masksVersion: this.state.masksVersion + 1 });
      this.repaint();
    }
    const writer = outbox.held?.code === "not_the_writer" && outbox.held.details.writer;
    if (writer && !this.pen.other) this.pen.receive(writer as WriterInfo);
    const undo = this.document.undoTarget();
    const redo = this.document.redoTarget();
    const reason = outbox.held ?? this.ended;
    const held = reason && { code: reason.code, message: reason.message };
    this.set({
      save: outbox.state,
      pendingCount: outbox.pending.length,
      keptCount: outbox.keptCount,
      unkeptCount: outbox.unkeptCount,
      held: held?.code === this.state.held?.code ? this.state.held : held,
      revision: this.document.revision,
      canUndo: this.state.canWrite && undo !== undefined,
      canRedo: this.state.canWrite && redo !== undefined,
      undoName: undo ? stepName(undo, this.labels) : "",
      redoName: redo ? stepName(redo, this.labels) : "",
    });
  }
}
