/** Lines of image points: their length, evenly spaced points on them, and how to calm them. */

export interface Place {
  x: number;
  y: number;
}

export function lengthOf(line: readonly Place[]): number {
  let length = 0;
  for (let index = 1; index < line.length; index++) {
    const [a, b] = [line[index - 1], line[index]];
    if (a && b) length += Math.hypot(b.x - a.x, b.y - a.y);
  }
  return length;
}

/**
 * Points evenly spaced along a line, its ends among them: about `spacing` apart, but no more than `most`.
 * A line without length is one point.
 */
export function spacedPoints(
  line: readonly Place[],
  spacing: number,
  most = Number.POSITIVE_INFINITY,
): Place[] {
  const first = line[0];
  if (!first) return [];
  const length = lengthOf(line);
  if (length === 0) return [{ ...first }];
  const gaps = Math.max(1, Math.min(Math.round(length / spacing), most - 1));
  const points = [{ ...first }];
  let walked = 0;
  for (let index = 1; index < line.length; index++) {
    const [a, b] = [line[index - 1], line[index]];
    if (!a || !b) break;
    const step = Math.hypot(b.x - a.x, b.y - a.y);
    while (points.length < gaps && step > 0) {
      const wanted = (points.length * length) / gaps;
      if (wanted > walked + step) break;
      const along = (wanted - walked) / step;
      points.push({ x: a.x + along * (b.x - a.x), y: a.y + along * (b.y - a.y) });
    }
    walked += step;
  }
  const last = line[line.length - 1];
  if (last) points.push({ ...last });
  return points;
}

/** Average each point with those up to `reach` before and after it; the ends stay where they are. */
export function calmLine(line: readonly Place[], reach: number): Place[] {
  return line.map((point, index) => {
    const near = Math.min(reach, index, line.length - 1 - index);
    if (near === 0) return { ...point };
    let [x, y] = [0, 0];
    for (let other = index - near; other <= index + near; other++) {
      x += line[other]?.x ?? 0;
      y += line[other]?.y ?? 0;
    }
    return { x: x / (2 * near + 1), y: y / (2 * near + 1) };
  });
}
