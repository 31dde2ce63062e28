/** Which frame to show when: from elapsed time, so that a slow machine skips frames instead of falling behind. */

/** First and last frame, both included. */
export interface Range {
  start: number;
  stop: number;
}

export class Clock {
  private readonly starts: number[];
  readonly durationMs: number;

  constructor(frameTimesMs: readonly number[], frameCount: number) {
    const first = frameTimesMs[0] ?? 0;
    const starts = frameTimesMs.slice(0, frameCount).map((time) => time - first);
    const usual =
      starts.length > 1 ? ((starts.at(-1) ?? 0) - (starts[0] ?? 0)) / (starts.length - 1) : 1000 / 15;
    while (starts.length < frameCount) starts.push((starts.at(-1) ?? -usual) + usual);
    this.starts = starts;
    this.durationMs = (starts.at(-1) ?? 0) + Math.max(usual, 1);
  }

  /** Start of a frame in milliseconds from the first. */
  timeOf(frameIndex: number): number {
    return this.starts[frameIndex] ?? 0;
  }

  /** End of a frame in milliseconds from the beginning of the first. */
  endOf(frameIndex: number): number {
    return this.starts[frameIndex + 1] ?? this.durationMs;
  }

  /**
   * The frame of a range that is shown some time after its beginning, over and over. To and fro, the first and the
   * last frame are shown once each way round.
   */
  frameIn({ start, stop }: Range, phaseMs: number, toAndFro: boolean): number {
    const from = this.timeOf(start);
    const span = this.endOf(stop) - from;
    const [first, last] = [this.endOf(start) - from, this.endOf(stop) - this.timeOf(stop)];
    const back = toAndFro ? Math.max(span - first - last, 0) : 0;
    const phase = ((phaseMs % (span + back)) + span + back) % (span + back);
    if (phase < span) return Math.min(Math.max(this.frameAt(from + phase), start), stop);
    // Backwards, the end of a frame comes before its beginning.
    const mirrored = this.frameAt(from + span - last - (phase - span));
    const isBoundary = this.timeOf(mirrored) === from + span - last - (phase - span);
    return Math.min(Math.max(isBoundary ? mirrored - 1 : mirrored, start), stop);
  }

  /** The frame shown at a time; times beyond the end begin again. */
  frameAt(timeMs: number): number {
    const time = ((timeMs % this.durationMs) + this.durationMs) % this.durationMs;
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.starts[middle] ?? 0) <= time) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Frames a second, as the frame times say. */
  get rate(): number {
    return (1000 * this.starts.length) / this.durationMs;
  }
}
