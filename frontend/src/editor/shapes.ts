/** What a tool shows over the image, as data; the view draws it. */

import type { Place } from "./geometry/path";

export type Shape =
  | { kind: "line"; points: readonly Place[]; closed?: boolean; dashed?: boolean; colour: string }
  | { kind: "dots"; points: readonly Place[]; colour: string }
  /** The radius is in image pixels. */
  | { kind: "circle"; at: Place; radius: number; colour: string };

const SHADE = "rgba(0,0,0,0.65)";
const DOT_RADIUS = 3.5;
const DASH = [5, 4];

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
    if (shape.kind === "line" && shape.dashed) context.setLineDash(DASH);
  }
  context.lineWidth = 1.5;
  context.strokeStyle = shape.kind === "dots" ? SHADE : shape.colour;
  context.stroke();
  context.setLineDash([]);
}
