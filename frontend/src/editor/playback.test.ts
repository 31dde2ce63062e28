import { beforeEach, describe, expect, it, vi } from "vitest";
import { Clock } from "./clock";
import type { Editor } from "./editor";
import { Playback } from "./playback";
import type { EditorState } from "./state";

let seed = 3;
const random = () => {
  seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
  return seed / 0x80000000;
};

/** Uneven frame times, none shorter than 5 ms. */
function times(count: number): number[] {
  let at = 100;
  return Array.from({ length: count }, () => {
    const now = at;
    at += 5 + random() * 100;
    return now;
  });
}

/** What a range shows, frame by frame with its length, written down the slow way. */
function script(clock: Clock, [start, end]: [number, number], pingPong: boolean): [number, number][] {
  const lengths: [number, number][] = [];
  const push = (frame: number) => lengths.push([frame, clock.endOf(frame) - clock.timeOf(frame)]);
  for (let frame = start; frame <= end; frame++) push(frame);
  if (pingPong) for (let frame = end - 1; frame > start; frame--) push(frame);
  return lengths;
}

describe("a range of frames", () => {
  it.each([false, true])(
    "is shown over and over, each frame for its own time (to and fro: %s)",
    (pingPong) => {
      for (let round = 0; round < 200; round++) {
        const count = 1 + Math.floor(random() * 12);
        const clock = new Clock(times(count), count);
        const start = Math.floor(random() * count);
        const end = start + Math.floor(random() * (count - start));
        const frames = script(clock, [start, end], pingPong);
        const period = frames.reduce((sum, [, length]) => sum + length, 0);
        for (const turn of [0, 1, 7, -2]) {
          let at = turn * period;
          for (const [frame, length] of frames) {
            for (const part of [0.01, random() * 0.98 + 0.01, 0.99]) {
              expect(clock.frameIn({ start, stop: end }, at + part * length, pingPong)).toBe(frame);
            }
            at += length;
          }
        }
      }
    },
  );
});

describe("playing", () => {
  let state: EditorState;
  let missing: Set<number>;
  let editor: Editor;
  let playback: Playback;
  let shown: number[];
  let now: number;
  const moveTo = vi.fn();

  beforeEach(() => {
    const clock = new Clock(
      Array.from({ length: 10 }, (_, frame) => frame * 40),
      10,
    );
    state = {
      frameIndex: 0,
      playing: false,
      speed: 1,
      loop: null,
      loopStart: null,
      pingPong: false,
    } as EditorState;
    missing = new Set();
    [shown, now] = [[], 1000];
    moveTo.mockClear();
    editor = {
      clock,
      cine: { frameCount: 10 },
      get state() {
        return state;
      },
      set: (change: Partial<EditorState>) => {
        state = { ...state, ...change };
      },
      repaint: () => undefined,
      show: (frameIndex: number) => {
        shown.push(frameIndex);
        state = { ...state, frameIndex };
      },
      frames: { get: (frame: number) => (missing.has(frame) ? undefined : new Uint8Array(1)), moveTo },
    } as unknown as Editor;
    playback = new Playback(editor);
  });

  const run = (ms: number, step = 10) => {
    for (let passed = 0; passed < ms; passed += step) {
      playback.tick(now);
      now += step;
    }
  };

  it("follows the clock of the cine at any speed", () => {
    for (const [speed, frames] of [
      [1, 5],
      [2, 10],
      [0.5, 2.5],
      [0.1, 0.5],
      [4, 20],
    ] as const) {
      shown = [];
      editor.set({ frameIndex: 0 });
      playback.setSpeed(speed);
      playback.play();
      run(200, 2);
      playback.pause();
      expect(Math.abs(shown.length - frames)).toBeLessThanOrEqual(1);
    }
    expect(playback.tick(now)).toBe(false);
  });

  it("keeps its place when the speed changes under way", () => {
    playback.play();
    run(100);
    const before = state.frameIndex;
    playback.setSpeed(0.1);
    run(20);
    expect(state.frameIndex).toBe(before);
  });

  it("keeps speeds within their bounds", () => {
    for (const [asked, given] of [
      [100, 4],
      [0, 0.1],
      [Number.NaN, 0.1],
    ]) {
      playback.setSpeed(asked as number);
      expect(state.speed).toBe(given);
    }
    playback.changeSpeed(1);
    expect(state.speed).toBe(0.25);
    playback.changeSpeed(-1);
    playback.changeSpeed(-1);
    expect(state.speed).toBe(0.1);
  });

  it("stays within its loop, and goes to and fro in it", () => {
    playback.setLoop({ start: 6, stop: 3 });
    expect(state.loop).toEqual({ start: 3, stop: 6 });
    playback.play();
    run(40 * 9);
    expect(shown.slice(0, 8)).toEqual([3, 4, 5, 6, 3, 4, 5, 6]);
    shown = [];
    playback.setPingPong(true);
    run(40 * 8);
    expect(new Set(shown)).toEqual(new Set([3, 4, 5, 6]));
    for (let place = 1; place < shown.length; place++) {
      expect(Math.abs((shown[place] as number) - (shown[place - 1] as number))).toBe(1);
    }
  });

  it("marks a loop with one command: begin, end, away", () => {
    editor.set({ frameIndex: 7 });
    playback.markLoop();
    expect(state.loopStart).toBe(7);
    editor.set({ frameIndex: 2 });
    playback.markLoop();
    expect(state).toMatchObject({ loop: { start: 2, stop: 7 }, loopStart: null });
    playback.markLoop();
    expect(state.loop).toBeNull();
    playback.markLoop();
    playback.markLoop();
    expect(state).toMatchObject({ loop: null, loopStart: null });
    playback.setLoop({ start: -5, stop: 99 });
    expect(state.loop).toEqual({ start: 0, stop: 9 });
  });

  it("waits for a frame that is on its way, and asks for it; but not for ever", () => {
    missing.add(2);
    playback.play();
    run(300);
    expect(state.frameIndex).toBe(1);
    expect(moveTo).toHaveBeenLastCalledWith(2, true);
    missing.clear();
    run(20);
    expect(state.frameIndex).toBe(2);
    missing = new Set([5]);
    run(2000);
    expect(shown).toContain(6);
  });

  it("shows every frame once where frames last as long as repaints", () => {
    editor = Object.assign(editor, {
      clock: new Clock(
        Array.from({ length: 10 }, (_, frame) => (frame * 1000) / 60),
        10,
      ),
    });
    playback.play();
    for (let repaint = 0; repaint < 100; repaint++) playback.tick(now + (repaint * 1000) / 60 + random());
    expect(shown).toEqual(Array.from({ length: shown.length }, (_, place) => (place + 1) % 10));
    expect(shown.length).toBeGreaterThanOrEqual(98);
  });
});
