/** What a tool shows over the image, as data; the view draws it. */

import type { Place } from "./geometry/path";
import type { Box } from "./types";

export type Shape =
  | { kind: "line"; points: readonly Place[]; closed?: boolean; dashed?: boolean; colour: string }
  /** Separate lines, four numbers each: x0, y0, x1, y1. */
  | { kind: "edges"; edges: readonly number[]; dashed?: boolean; colour: string }
  /** A diameter: a line with a bar across each end, as calipers draw it. */
  | { kind: "caliper"; from: Place; to: Place; colour: string }
  | { kind: "dots"; points: readonly Place[]; colour: string }
  /** The radius is in image pixels. */
  | { kind: "circle"; at: Place; radius: number; colour: string };

export function boxShape([x0, y0, x1, y1]: Box, colour: string, dashed = false): Shape {
  const points = [
    { x: x0, y: y0 },
    { x: x1, y: y0 },
    { x: x1, y: y1 },
    { x: x0, y: y1 },
  ];
  return { kind: "line", points, closed: true, dashed, colour };
}

const SHADE = "rgba(0,0,0,0.65)";
const DOT_RADIUS = 3.5;
const DASH = [5, 4];
const BAR = 5;

/**
 * Draw a shape on a canvas at the resolution of the screen, over a dark seam that sets it off from any image.
 *
 * @param place brings an image point to the screen
 * @param scale screen pixels of one image pixel
 */
export function drawShape(
  context: CanvasRenderingContext2D,
  shape: Shape,
  place: (point: Place) => [number, number],
  scale: number,
): void {
  context.beginPath();
  if (shape.kind === "circle") {
    context.arc(...place(shape.at), shape.radius * scale, 0, 2 * Math.PI);
  } else if (shape.kind === "dots") {
    for (const point of shape.points) {
      const [x, y] = place(point);
      context.moveTo(x + DOT_RADIUS, y);
      context.arc(x, y, DOT_RADIUS, 0, 2 * Math.PI);
    }
    context.fillStyle = shape.colour;
    context.fill();
  } else if (shape.kind === "caliper") {
    const ends = [place(shape.from), place(shape.to)] as const;
    const [[left, top], [right, bottom]] = ends;
    const length = Math.hypot(right - left, bottom - top) || 1;
    const [across, down] = [(BAR * (top - bottom)) / length, (BAR * (right - left)) / length];
    context.moveTo(left, top);
    context.lineTo(right, bottom);
    for (const [x, y] of ends) {
      context.moveTo(x - across, y - down);
      context.lineTo(x + across, y + down);
    }
  } else if (shape.kind === "edges") {
    for (let at = 0; at + 3 < shape.edges.length; at += 4) {
      const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = shape.edges.slice(at, at + 4);
      context.moveTo(...place({ x: x0, y: y0 }));
      context.lineTo(...place({ x: x1, y: y1 }));
    }
  } else {
    shape.points.forEach((point, index) => {
      const [x, y] = place(point);
      if (index) context.lineTo(x, y);
      else context.moveTo(x, y);
    });
    if (shape.closed) context.closePath();
  }
  context.setLineDash([]);
  if (shape.kind !== "dots") {
    context.lineWidth = 3;
    context.strokeStyle = SHADE;
    context.stroke();
    if ("dashed" in shape && shape.dashed) context.setLineDash(DASH);
  }
  context.lineWidth = 1.5;
  context.strokeStyle = shape.kind === "dots" ? SHADE : shape.colour;
  context.stroke();
  context.setLineDash([]);
}
