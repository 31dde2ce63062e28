/** Which frames a timeline shows, and where: frame f covers f to f + 1 on an axis that can be zoomed and scrolled. */

export interface TimeScale {
  /** Frames of the cine. */
  count: number;
  /** Left edge, in frames. */
  first: number;
  /** Frames shown, not necessarily a whole number. */
  length: number;
}

/** Fewer frames than this are never shown: nothing more would be seen. */
const FEWEST = 8;

export function wholeScale(count: number): TimeScale {
  return { count, first: 0, length: Math.max(count, 1) };
}

export function isWhole(scale: TimeScale): boolean {
  return scale.length >= scale.count;
}

/** Where a frame begins, in pixels from the left of a timeline of a width. */
export function xOf(scale: TimeScale, frame: number, width: number): number {
  return ((frame - scale.first) / scale.length) * width;
}

/** The frame under a place; places beside the timeline give its first or last frame. */
export function frameAt(scale: TimeScale, x: number, width: number): number {
  const frame = Math.floor(scale.first + (x / Math.max(width, 1)) * scale.length);
  return Math.min(Math.max(frame, 0), scale.count - 1);
}

/** Show more or fewer frames, so that what lies at a part (0..1) of the width stays there. */
export function zoomed(scale: TimeScale, factor: number, part: number): TimeScale {
  const length = Math.min(Math.max(scale.length / factor, Math.min(FEWEST, scale.count)), scale.count);
  return within({ ...scale, first: scale.first + (scale.length - length) * part, length });
}

export function scrolled(scale: TimeScale, frames: number): TimeScale {
  return within({ ...scale, first: scale.first + frames });
}

/** The scale itself where it shows a frame, else one a page further that does. */
export function revealing(scale: TimeScale, frame: number): TimeScale {
  if (frame >= scale.first && frame + 1 <= scale.first + scale.length) return scale;
  const margin = scale.length / 8;
  return within({
    ...scale,
    first: frame < scale.first ? frame + 1 - scale.length + margin : frame - margin,
  });
}

function within(scale: TimeScale): TimeScale {
  return { ...scale, first: Math.min(Math.max(scale.first, 0), scale.count - scale.length) };
}
