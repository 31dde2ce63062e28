/** Where a cine is shown: what the editor and the pointer ask of the view. */

import type { Place } from "./actions/action";
import type { Orientation } from "./placement";

export interface Viewport {
  /** The image point (x, y) under a place on the page; the upper left corner of the image is (0, 0). */
  toImage(place: { clientX: number; clientY: number }): { x: number; y: number };
  /** The place on the page of an image point. */
  toPage(x: number, y: number): { x: number; y: number };
  /** Move the image so that a point of it can be seen. */
  reveal(point: { x: number; y: number }): void;
  /** Where the pointer is over the image, or the middle of what is shown. */
  pointedAt(): Place;
  /** Zoom so that the image point at a place on the page, or in the middle, stays there. */
  zoomAt(factor: number, clientX?: number, clientY?: number): void;
  /** Move the image by CSS pixels. */
  panBy(dx: number, dy: number): void;
  /** Show the whole image. */
  fit(): void;
  /** Show one pixel of the image as one of the screen. */
  actualSize(): void;
  /** Turn or mirror the image around the middle of what is seen. */
  orient(orientation: Orientation): void;
  /** Give up what is being drawn; returns whether there was anything. */
  cancelDrag(): boolean;
  /** Draw anew with the next repaint of the screen. */
  schedule(): void;
}
