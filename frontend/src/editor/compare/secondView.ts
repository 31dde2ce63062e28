/**
 * The second pane, held and windowed as the view holds the first: a kept frame with the reading's own masks, or the
 * same frame with the masks of the other side, and over them the outlines of this reading. It is looked at only.
 */

import { ByteCache } from "../cache";
import { makeCanvases } from "../canvases";
import type { Editor } from "../editor";
import { Layers, type MaskSource } from "../layers";
import { Placement } from "../placement";
import type { EditorView } from "../view";
import { edgesOf } from "./overlap";
import { isComparison } from "./second";

const PATH_BYTES = 4_000_000;
/** The lines of this reading: light on a dark edge, told from the coloured masks below without their colour. */
const LINE = "#ffffff";
const EDGE = "rgba(0, 0, 0, 0.65)";

export class SecondView {
  private readonly image: HTMLCanvasElement;
  private readonly overlay: HTMLCanvasElement;
  private readonly cross: HTMLDivElement;
  private readonly context: CanvasRenderingContext2D;
  private readonly lines: CanvasRenderingContext2D;
  private readonly own: Layers;
  private readonly other: Layers;
  private shown: Layers | undefined;
  private readonly paths = new ByteCache<number, Path2D>(PATH_BYTES);
  private readonly placement: Placement;
  private readonly resize: ResizeObserver;
  private readonly forget: Array<() => void> = [];

  constructor(
    private readonly editor: Editor,
    private readonly view: EditorView,
    private readonly host: HTMLElement,
  ) {
    const { image, overlay, context, drawing } = makeCanvases(editor.cine);
    this.image = image;
    this.overlay = overlay;
    this.context = context;
    this.lines = drawing;
    this.cross = document.createElement("div");
    this.cross.className = "cross";
    host.prepend(this.image, this.overlay, this.cross);
    this.own = new Layers(editor);
    const { comparison } = editor;
    const source: MaskSource = {
      draft: null,
      version: (label, frame) => comparison.version(label, frame),
      pixels: (label, frame) => comparison.pixels(label, frame),
    };
    this.other = new Layers(editor, source);
    const { columns, rows } = editor.cine;
    this.placement = new Placement({ width: columns, height: rows }, { width: 1, height: 1 });
    this.resize = new ResizeObserver(() => view.schedule());
    this.resize.observe(host);
    this.forget.push(view.onDraw(() => this.draw()));
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) view.zoomAt(1.002 ** -event.deltaY);
      else if (event.deltaY) editor.step(Math.sign(event.deltaY));
    };
    host.addEventListener("wheel", wheel, { passive: false });
    this.forget.push(() => host.removeEventListener("wheel", wheel));
    view.schedule();
  }

  close(): void {
    this.resize.disconnect();
    for (const forget of this.forget) forget();
    this.image.remove();
    this.overlay.remove();
    this.cross.remove();
  }

  private draw(): void {
    const { second, frameIndex: current } = this.editor.state;
    if (second === null) return;
    this.placement.host = { width: this.host.clientWidth, height: this.host.clientHeight };
    this.placement.follow(this.view.placement);
    this.image.style.transform = this.placement.transform;
    this.image.style.imageRendering = this.view.imageRendering;
    const frameIndex = second.of === "frame" ? second.frameIndex : current;
    const layers = second.of === "frame" ? this.own : this.other;
    const frame = this.editor.enhance.pixels(frameIndex);
    this.host.dataset.frame = frame ? String(frameIndex + 1) : "";
    if (frame && (layers.paint(frameIndex, frame) || layers !== this.shown))
      this.context.putImageData(layers.pixels, 0, 0);
    this.shown = layers;
    this.drawLines(frameIndex);
    const { hover } = this.view;
    this.cross.hidden = hover === null;
    if (hover) {
      const { x, y } = this.placement.toScreen(hover.x, hover.y);
      this.cross.style.transform = `translate(${x}px, ${y}px)`;
    }
  }

  private drawLines(frameIndex: number): void {
    const { lines, overlay } = this;
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(this.host.clientWidth * ratio));
    const height = Math.max(1, Math.round(this.host.clientHeight * ratio));
    if (overlay.width !== width) overlay.width = width;
    if (overlay.height !== height) overlay.height = height;
    lines.setTransform(1, 0, 0, 1, 0, 0);
    lines.clearRect(0, 0, width, height);
    const { state, labels } = this.editor;
    if (!isComparison(state.second) || !state.secondOutline || state.masksHidden) return;
    lines.setTransform(new DOMMatrix().scale(ratio).multiply(new DOMMatrix(this.placement.transform)));
    const paths = labels.flatMap(({ code, index }) =>
      state.hiddenLabels.has(code) ? [] : (this.pathOf(index, frameIndex) ?? []),
    );
    for (const [size, style] of [
      [2.6, EDGE],
      [1.2, LINE],
    ] as const) {
      lines.lineWidth = size / this.placement.scale;
      lines.strokeStyle = style;
      for (const path of paths) lines.stroke(path);
    }
  }

  /** The outline of this reading's mask, which changes with its version. */
  private pathOf(labelIndex: number, frameIndex: number): Path2D | undefined {
    const version = this.editor.document.mask(labelIndex, frameIndex)?.version;
    if (version === undefined) return undefined;
    const known = this.paths.get(version);
    if (known) return known;
    const pixels = this.editor.document.pixels(labelIndex, frameIndex);
    if (!pixels) return undefined;
    const edges = edgesOf(pixels);
    const path = new Path2D();
    for (let at = 0; at < edges.length; at += 4) {
      path.moveTo(edges[at] as number, edges[at + 1] as number);
      path.lineTo(edges[at + 2] as number, edges[at + 3] as number);
    }
    this.paths.set(version, path, 10 * edges.length + 200);
    return path;
  }
}
