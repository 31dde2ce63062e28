/** Work in the background in small pieces, so that the picture and the hands never wait for it. */

/** Resolves when there is time to spare, with how many milliseconds of it. */
export type Idle = () => Promise<number>;

const LONGEST_MS = 10;
const LATEST_MS = 250;

export const whenIdle: Idle = () =>
  new Promise((resolve) => {
    // Safari has no requestIdleCallback.
    if (typeof requestIdleCallback !== "function") setTimeout(() => resolve(LONGEST_MS / 2), 0);
    else {
      requestIdleCallback(
        (deadline) => resolve(Math.min(Math.max(deadline.timeRemaining(), 3), LONGEST_MS)),
        {
          timeout: LATEST_MS,
        },
      );
    }
  });

export class Pace {
  private until = 0;
  private waiting: Promise<void> | undefined;

  constructor(private readonly idle: Idle) {}

  /** Await this before each piece of work. */
  turn(): Promise<void> | undefined {
    if (performance.now() < this.until) return undefined;
    this.waiting ??= this.idle().then((ms) => {
      this.until = performance.now() + ms;
      this.waiting = undefined;
    });
    return this.waiting;
  }
}
