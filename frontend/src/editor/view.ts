/** The editor's canvases: the image at its own resolution scaled by CSS, and prompts at that of the screen above it. */

import type { Place } from "./actions";
import { makeCanvases } from "./canvases";
import type { Editor } from "./editor";
import { Layers } from "./layers";
import { type Orientation, Placement } from "./placement";
import { Pointer } from "./pointer";
import { boxShape, drawShape, type Shape } from "./shapes";
import type { Viewport } from "./viewport";

const PIXELATED_FROM = 3;
const POINT_RADIUS = 6;
/** CSS pixels that are kept between the crosshair and the edge of the view. */
const EDGE = 24;
/** CSS pixels that the crosshair leaves open around its middle. */
const GAP = 7;

export class EditorView implements Viewport {
  private readonly image: HTMLCanvasElement;
  private readonly overlay: HTMLCanvasElement;
  private readonly context: CanvasRenderingContext2D;
  private readonly drawing: CanvasRenderingContext2D;
  private readonly layers: Layers;
  private readonly pointer: Pointer;
  private readonly resize: ResizeObserver;
  private readonly forget: Array<() => void> = [];
  private readonly drawn = new Set<() => void>();
  private request = 0;
  /** Whether the layers hold a picture that the screen does not show yet. */
  private isPainted = false;
  /** Where the image lies in the host; to be changed through the view alone. */
  readonly placement: Placement;
  /** Milliseconds that drawing the last frames took, and when they were drawn; for tests and benchmarks. */
  readonly timing = { paints: 0, lastMs: 0, totalMs: 0 };

  constructor(
    private readonly editor: Editor,
    private readonly host: HTMLElement,
  ) {
    const { rows, columns } = editor.cine;
    const { image, overlay, context, drawing } = makeCanvases(editor.cine);
    this.image = image;
    this.overlay = overlay;
    this.context = context;
    this.drawing = drawing;
    host.append(this.image, this.overlay);
    this.layers = new Layers(editor);
    this.placement = new Placement({ width: columns, height: rows }, { width: 1, height: 1 });
    this.placement.zoom = editor.state.zoom;
    this.placement.orient(editor.state.orientation);
    this.resize = new ResizeObserver(() => this.layOut());
    this.resize.observe(host);
    this.forget.push(editor.onRepaint(() => this.schedule()));
    this.forget.push(
      editor.store.subscribe((state, before) => {
        if (state.tool !== before.tool) this.schedule();
      }),
    );
    this.pointer = new Pointer(editor, this, host);
    editor.viewport = this;
    this.layOut();
  }

  /** Have a function called after every drawing. */
  onDraw(listener: () => void): () => void {
    this.drawn.add(listener);
    return () => this.drawn.delete(listener);
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
    return this.placement.scale;
  }

  get imageRendering(): "pixelated" | "auto" {
    return this.scale > PIXELATED_FROM ? "pixelated" : "auto";
  }

  /** The image point under the pointer. */
  get hover(): { x: number; y: number } | null {
    return this.pointer.hover;
  }

  private layOut(): void {
    const { clientWidth: width, clientHeight: height } = this.host;
    this.placement.host = { width, height };
    const ratio = window.devicePixelRatio || 1;
    this.overlay.width = Math.max(1, Math.round(width * ratio));
    this.overlay.height = Math.max(1, Math.round(height * ratio));
    this.place();
  }

  private place(): void {
    const { columns, rows } = this.editor.cine;
    const { scale, zoom, orientation } = this.placement;
    this.image.style.transform = this.placement.transform;
    this.image.style.imageRendering = this.imageRendering;
    this.host.dataset.columns = String(columns);
    this.host.dataset.rows = String(rows);
    this.editor.set({ scale, zoom, orientation });
    this.schedule();
  }

  cancelDrag(): boolean {
    return this.pointer.cancel();
  }

  pointedAt(): Place {
    return this.pointer.pointedAt();
  }

  toPage(x: number, y: number): { x: number; y: number } {
    const box = this.host.getBoundingClientRect();
    const place = this.placement.toScreen(x, y);
    return { x: box.left + place.x, y: box.top + place.y };
  }

  toImage(event: { clientX: number; clientY: number }): { x: number; y: number } {
    const box = this.host.getBoundingClientRect();
    return this.placement.toImage(event.clientX - box.left, event.clientY - box.top);
  }

  zoomAt(factor: number, clientX?: number, clientY?: number): void {
    const box = this.host.getBoundingClientRect();
    this.placement.zoomTo(this.placement.zoom * factor, {
      x: clientX === undefined ? box.width / 2 : clientX - box.left,
      y: clientY === undefined ? box.height / 2 : clientY - box.top,
    });
    this.place();
  }

  panBy(dx: number, dy: number): void {
    this.placement.panBy(dx, dy);
    this.place();
  }

  reveal({ x, y }: { x: number; y: number }): void {
    const { width, height } = this.placement.host;
    const at = this.placement.toScreen(x, y);
    const short = (place: number, room: number) =>
      Math.max(EDGE - place, 0) + Math.min(room - EDGE - place, 0);
    const [dx, dy] = [short(at.x, width), short(at.y, height)];
    if (dx || dy) this.panBy(dx, dy);
  }

  fit(): void {
    this.placement.fit();
    this.place();
  }

  actualSize(): void {
    this.zoomAt(1 / (window.devicePixelRatio || 1) / this.scale);
  }

  orient(orientation: Orientation): void {
    this.placement.orient(orientation);
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
    // What takes longest is done while the screen is waited for; but a stroke goes on, and playing chooses another frame.
    if (!this.editor.state.playing && !this.editor.draft) queueMicrotask(() => this.paint());
  }

  /** Paint the picture of the frame, not yet on the screen; returns whether there is a frame. */
  private paint(): boolean {
    const { frameIndex } = this.editor.state;
    const frame = this.editor.enhance.pixels(frameIndex);
    if (frame && this.layers.paint(frameIndex, frame)) this.isPainted = true;
    return frame !== undefined;
  }

  private draw(): void {
    const started = performance.now();
    this.host.dataset.frame = this.paint() ? String(this.editor.state.frameIndex + 1) : "";
    if (this.isPainted) this.context.putImageData(this.layers.pixels, 0, 0);
    this.isPainted = false;
    this.drawPrompts();
    this.timing.lastMs = performance.now() - started;
    this.timing.totalMs += this.timing.lastMs;
    this.timing.paints += 1;
    for (const listener of this.drawn) listener();
  }

  private drawPrompts(): void {
    const ratio = window.devicePixelRatio || 1;
    const context = this.drawing;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.overlay.width, this.overlay.height);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const place = (at: { x: number; y: number }) => this.onScreen(at.x, at.y);
    const { state } = this.editor;
    const colour = this.editor.label?.colour ?? "#ffffff";
    if (!state.masksHidden && !state.playing) {
      const prompts = this.editor.prompts();
      if (prompts.box) drawShape(context, boxShape(prompts.box, colour, true), place, this.scale);
      if (prompts.line) {
        const [x0, y0, x1, y1] = prompts.line;
        const ends = { from: { x: x0, y: y0 }, to: { x: x1, y: y1 } };
        drawShape(context, { kind: "caliper", ...ends, colour }, place, this.scale);
      }
      for (const point of prompts.points) this.drawPoint(point, colour);
    }
    const { at } = this.editor.crosshair;
    const shapes = this.editor.tool?.overlay?.(this.editor, at ?? this.pointer.hover) ?? [];
    for (const shape of at ? [...shapes, this.cross(at)] : shapes)
      drawShape(context, shape, place, this.scale);
  }

  private cross({ x, y }: { x: number; y: number }): Shape {
    const { columns, rows } = this.editor.cine;
    const gap = GAP / this.scale;
    const across = [0, y, x - gap, y, x + gap, y, columns, y];
    const down = [x, 0, x, y - gap, x, y + gap, x, rows];
    return { kind: "edges", edges: [...across, ...down], colour: "#ffffff" };
  }

  private onScreen(x: number, y: number): [number, number] {
    const place = this.placement.toScreen(x, y);
    return [place.x, place.y];
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
}
