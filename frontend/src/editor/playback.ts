/** Playing the cine: at its own rate or another, all of it or a range, round and round or to and fro. */

import type { Range } from "./clock";
import type { Editor } from "./editor";

export const SPEEDS = [0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4] as const;

/** How long the clock waits for a frame that is not there before it goes on without it. */
const PATIENCE_MS = 500;
/** A repaint stands for the time around it: without this, a frame as long as a repaint would come twice or never. */
const HALF_REPAINT_MS = 8;

export class Playback {
  /** Milliseconds since the beginning of the range, and when that was; null while paused. */
  private phase: { ms: number; at: number | null } | null = null;
  private waitedMs = 0;

  constructor(private readonly editor: Editor) {}

  get range(): Range {
    return this.editor.state.loop ?? { start: 0, stop: this.editor.cine.frameCount - 1 };
  }

  play(): void {
    if (this.editor.cine.frameCount < 2) return;
    const { clock, state } = this.editor;
    const { start, stop } = this.range;
    const from = state.frameIndex < start || state.frameIndex > stop ? start : state.frameIndex;
    this.phase = { ms: clock.timeOf(from) - clock.timeOf(start), at: null };
    this.waitedMs = 0;
    this.editor.set({ playing: true });
    this.editor.repaint();
  }

  pause(): void {
    this.phase = null;
    this.editor.set({ playing: false });
  }

  setSpeed(speed: number): void {
    if (!Number.isFinite(speed)) return;
    this.editor.set({ speed: Math.min(Math.max(speed, SPEEDS[0]), SPEEDS[SPEEDS.length - 1] ?? 4) });
  }

  /** The next speed of the list, up or down. */
  changeSpeed(by: 1 | -1): void {
    const { speed } = this.editor.state;
    const next = by > 0 ? SPEEDS.find((known) => known > speed) : SPEEDS.findLast((known) => known < speed);
    if (next) this.setSpeed(next);
  }

  setLoop(loop: Range | null): void {
    const last = this.editor.cine.frameCount - 1;
    const within = (frame: number) => Math.min(Math.max(Math.round(frame), 0), last);
    const range = loop && {
      start: within(Math.min(loop.start, loop.stop)),
      stop: within(Math.max(loop.start, loop.stop)),
    };
    this.editor.set({ loop: range, loopStart: null });
    if (this.phase) this.play();
  }

  /** One command for a loop: the first mark begins it, the second ends it, the third takes it away. */
  markLoop(): void {
    const { loop, loopStart, frameIndex } = this.editor.state;
    if (loop) this.setLoop(null);
    else if (loopStart === null) this.editor.set({ loopStart: frameIndex });
    else if (loopStart === frameIndex) this.editor.set({ loopStart: null });
    else this.setLoop({ start: loopStart, stop: frameIndex });
  }

  setPingPong(pingPong: boolean): void {
    this.editor.set({ pingPong });
    if (this.phase) this.play();
  }

  /** Called before each repaint of the screen; returns whether another one is needed. */
  tick(now: number): boolean {
    if (!this.phase) return false;
    const { clock, frames, state } = this.editor;
    const elapsed = this.phase.at === null ? HALF_REPAINT_MS / state.speed : Math.max(now - this.phase.at, 0);
    const ms = this.phase.ms + elapsed * state.speed;
    const frame = clock.frameIn(this.range, ms, state.pingPong);
    if (!frames.get(frame)) {
      frames.moveTo(frame, true);
      this.waitedMs += elapsed;
      this.phase = { ms: this.waitedMs < PATIENCE_MS ? this.phase.ms : ms, at: now };
      return true;
    }
    this.phase = { ms, at: now };
    this.waitedMs = 0;
    if (frame !== state.frameIndex) this.editor.show(frame, true);
    return true;
  }
}
