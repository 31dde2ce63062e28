/** The editor's canvases: the image at its own resolution scaled by CSS, and prompts at that of the screen above it. */

import type { Place } from "./actions";
import type { Editor } from "./editor";
import { greyTable, paintGrey, paintMask, paintRgb, parseColour } from "./paint";
import { Pointer } from "./pointer";
import type { Viewport } from "./viewport";

const SMALLEST_ZOOM = 0.25;
const LARGEST_ZOOM = 16;
const POINT_RADIUS = 6;

export class EditorView implements Viewport {
  private readonly image: HTMLCanvasElement;
  private readonly overlay: HTMLCanvasElement;
  private readonly context: CanvasRenderingContext2D;
  private readonly drawing: CanvasRenderingContext2D;
  private readonly pixels: ImageData;
  private readonly words: Uint32Array;
  private readonly pointer: Pointer;
  private readonly resize: ResizeObserver;
  private readonly forget: Array<() => void> = [];
  private table: Uint32Array = new Uint32Array(0);
  private tableKey = "";
  private request = 0;
  private fitScale = 1;
  private panX = 0;
  private panY = 0;
  /** Milliseconds that drawing the last frames took, and when they were drawn; for tests and benchmarks. */
  readonly timing = { paints: 0, lastMs: 0, totalMs: 0 };

  constructor(
    private readonly editor: Editor,
    private readonly host: HTMLElement,
  ) {
    const { rows, columns } = editor.cine;
    this.image = document.createElement("canvas");
    this.image.width = columns;
    this.image.height = rows;
    this.image.className = "cine-image";
    this.overlay = document.createElement("canvas");
    this.overlay.className = "cine-overlay";
    host.append(this.image, this.overlay);
    const context = this.image.getContext("2d", { alpha: false });
    const drawing = this.overlay.getContext("2d");
    if (!context || !drawing) throw new Error("This browser offers no canvas.");
    this.context = context;
    this.drawing = drawing;
    this.pixels = new ImageData(columns, rows);
    this.words = new Uint32Array(this.pixels.data.buffer);
    this.resize = new ResizeObserver(() => this.layOut());
    this.resize.observe(host);
    this.forget.push(editor.onRepaint(() => this.schedule()));
    this.pointer = new Pointer(editor, this, host);
    editor.viewport = this;
    this.layOut();
  }

  close(): void {
    cancelAnimationFrame(this.request);
    this.resize.disconnect();
    for (const forget of this.forget) forget();
    this.pointer.close();
    if (this.editor.viewport === this) this.editor.viewport = null;
    this.image.remove();
    this.overlay.remove();
  }

  // --- geometry -------------------------------------------------------------------------------------------------

  private get scale(): number {
    return this.fitScale * this.editor.state.zoom;
  }

  private layOut(): void {
    const { clientWidth: width, clientHeight: height } = this.host;
    const { rows, columns } = this.editor.cine;
    this.fitScale = Math.min(width / columns, height / rows) || 1;
    const ratio = window.devicePixelRatio || 1;
    this.overlay.width = Math.max(1, Math.round(width * ratio));
    this.overlay.height = Math.max(1, Math.round(height * ratio));
    this.place();
  }

  private place(): void {
    const { columns, rows } = this.editor.cine;
    const { x, y } = this.origin();
    this.image.style.transform = `translate(${x}px, ${y}px) scale(${this.scale})`;
    this.image.style.imageRendering = this.scale > 3 ? "pixelated" : "auto";
    this.host.dataset.columns = String(columns);
    this.host.dataset.rows = String(rows);
    this.schedule();
  }

  /** Where the image's upper left corner lies in the host, in CSS pixels. */
  private origin(): { x: number; y: number } {
    const { rows, columns } = this.editor.cine;
    return {
      x: (this.host.clientWidth - columns * this.scale) / 2 + this.panX,
      y: (this.host.clientHeight - rows * this.scale) / 2 + this.panY,
    };
  }

  cancelDrag(): boolean {
    return this.pointer.cancel();
  }

  pointedAt(): Place {
    return this.pointer.pointedAt();
  }

  /** Place of an image point on the page, for tests. */
  toPage(x: number, y: number): { x: number; y: number } {
    const box = this.host.getBoundingClientRect();
    const origin = this.origin();
    return { x: box.left + origin.x + x * this.scale, y: box.top + origin.y + y * this.scale };
  }

  toImage(event: { clientX: number; clientY: number }): { x: number; y: number } {
    const box = this.host.getBoundingClientRect();
    const origin = this.origin();
    return {
      x: (event.clientX - box.left - origin.x) / this.scale,
      y: (event.clientY - box.top - origin.y) / this.scale,
    };
  }

  /** Zoom so that the image point under the pointer stays there. */
  zoomAt(factor: number, clientX?: number, clientY?: number): void {
    const box = this.host.getBoundingClientRect();
    const at = { clientX: clientX ?? box.left + box.width / 2, clientY: clientY ?? box.top + box.height / 2 };
    const before = this.toImage(at);
    const zoom = Math.min(Math.max(this.editor.state.zoom * factor, SMALLEST_ZOOM), LARGEST_ZOOM);
    this.editor.set({ zoom });
    const after = this.toImage(at);
    this.panX += (after.x - before.x) * this.scale;
    this.panY += (after.y - before.y) * this.scale;
    this.place();
  }

  panBy(dx: number, dy: number): void {
    this.panX += dx;
    this.panY += dy;
    this.place();
  }

  fit(): void {
    this.editor.set({ zoom: 1 });
    this.panX = 0;
    this.panY = 0;
    this.place();
  }

  // --- drawing --------------------------------------------------------------------------------------------------

  schedule(): void {
    if (this.request) return;
    this.request = requestAnimationFrame((now) => {
      this.request = 0;
      if (this.editor.tick(now)) this.schedule();
      this.draw();
    });
  }

  private draw(): void {
    const started = performance.now();
    const frame = this.editor.frames.get(this.editor.state.frameIndex);
    this.host.dataset.frame = frame ? String(this.editor.state.frameIndex + 1) : "";
    if (frame) {
      this.drawImage(frame);
      this.context.putImageData(this.pixels, 0, 0);
    }
    this.drawPrompts();
    this.timing.lastMs = performance.now() - started;
    this.timing.totalMs += this.timing.lastMs;
    this.timing.paints += 1;
  }

  private drawImage(frame: Uint8Array | Uint16Array): void {
    const { cine, state, document, labels, draft } = this.editor;
    const [low, high] = state.window;
    const key = `${low}/${high}/${state.inverted}`;
    if (key !== this.tableKey) {
      this.table = greyTable(low, high, state.inverted, cine.bitsAllocated > 8 ? 65536 : 256);
      this.tableKey = key;
    }
    (cine.channels === 3 ? paintRgb : paintGrey)(this.words, frame, this.table);
    if (state.masksHidden) return;
    for (const label of labels) {
      if (state.hiddenLabels.has(label.code)) continue;
      const isDrawn = draft?.labelIndex === label.index && draft.frameIndex === state.frameIndex;
      const mask = isDrawn
        ? {
            columns: cine.columns,
            rows: cine.rows,
            x0: 0,
            y0: 0,
            width: cine.columns,
            height: cine.rows,
            bits: draft.bitmap,
          }
        : document.pixels(label.index, state.frameIndex);
      if (mask)
        paintMask(
          this.words,
          cine.columns,
          mask,
          parseColour(label.colour),
          state.opacity,
          state.outlineOnly,
        );
    }
  }

  private drawPrompts(): void {
    const ratio = window.devicePixelRatio || 1;
    const context = this.drawing;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.overlay.width, this.overlay.height);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const { state } = this.editor;
    const colour = this.editor.label?.colour ?? "#ffffff";
    if (!state.masksHidden && !state.playing) {
      const prompts = this.editor.prompts();
      if (prompts.box) this.drawBox(prompts.box, colour, [6, 4]);
      for (const point of prompts.points) this.drawPoint(point, colour);
    }
    if (this.editor.dragBox) this.drawBox(this.editor.dragBox, "#ffffff", []);
    const isBrush = state.tool === "brush" || state.tool === "eraser";
    const { hover } = this.pointer;
    if (hover && isBrush)
      this.drawBrush(hover, state.brushRadius, state.tool === "brush" ? colour : "#ffffff");
  }

  private onScreen(x: number, y: number): [number, number] {
    const origin = this.origin();
    return [origin.x + x * this.scale, origin.y + y * this.scale];
  }

  private drawBox([x0, y0, x1, y1]: [number, number, number, number], colour: string, dash: number[]): void {
    const [left, top] = this.onScreen(x0, y0);
    const [right, bottom] = this.onScreen(x1, y1);
    const context = this.drawing;
    context.lineWidth = 3;
    context.strokeStyle = "rgba(0,0,0,0.7)";
    context.setLineDash([]);
    context.strokeRect(left, top, right - left, bottom - top);
    context.lineWidth = 1.5;
    context.strokeStyle = colour;
    context.setLineDash(dash);
    context.strokeRect(left, top, right - left, bottom - top);
    context.setLineDash([]);
  }

  /** A positive point is a disk with a plus, a negative one a ring with a minus: told apart by shape, not colour. */
  private drawPoint(point: { x: number; y: number; positive: boolean }, colour: string): void {
    const [x, y] = this.onScreen(point.x, point.y);
    const context = this.drawing;
    context.beginPath();
    context.arc(x, y, POINT_RADIUS, 0, 2 * Math.PI);
    context.fillStyle = point.positive ? colour : "#0b0c0d";
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = point.positive ? "#ffffff" : colour;
    context.stroke();
    context.beginPath();
    context.moveTo(x - 3, y);
    context.lineTo(x + 3, y);
    if (point.positive) {
      context.moveTo(x, y - 3);
      context.lineTo(x, y + 3);
    }
    context.strokeStyle = point.positive ? "#0b0c0d" : "#ffffff";
    context.lineWidth = 1.8;
    context.stroke();
  }

  private drawBrush(at: { x: number; y: number }, radius: number, colour: string): void {
    const [x, y] = this.onScreen(at.x, at.y);
    const context = this.drawing;
    for (const [width, style] of [
      [3, "rgba(0,0,0,0.6)"],
      [1.5, colour],
    ] as const) {
      context.beginPath();
      context.arc(x, y, radius * this.scale, 0, 2 * Math.PI);
      context.lineWidth = width;
      context.strokeStyle = style;
      context.stroke();
    }
  }
}
