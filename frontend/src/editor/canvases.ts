/** The two canvases of a pane: the image at its own resolution, and lines at that of the screen above it. */
export interface Canvases {
  image: HTMLCanvasElement;
  overlay: HTMLCanvasElement;
  context: CanvasRenderingContext2D;
  drawing: CanvasRenderingContext2D;
}

export function makeCanvases({ columns, rows }: { columns: number; rows: number }): Canvases {
  const image = document.createElement("canvas");
  image.width = columns;
  image.height = rows;
  image.className = "cine-image";
  const overlay = document.createElement("canvas");
  overlay.className = "cine-overlay";
  const context = image.getContext("2d", { alpha: false });
  const drawing = overlay.getContext("2d");
  if (!context || !drawing) throw new Error("This browser offers no canvas.");
  return { image, overlay, context, drawing };
}
