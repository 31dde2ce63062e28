/** A pane that shows the reference frame with its masks, as the view holds the current one; it is looked at only. */

import type { Editor } from "./editor";
import { Layers } from "./layers";
import { Placement } from "./placement";
import type { EditorView } from "./view";

export class ReferenceView {
  private readonly image: HTMLCanvasElement;
  private readonly cross: HTMLDivElement;
  private readonly context: CanvasRenderingContext2D;
  private readonly layers: Layers;
  private readonly placement: Placement;
  private readonly resize: ResizeObserver;
  private readonly forget: Array<() => void> = [];

  constructor(
    private readonly editor: Editor,
    private readonly view: EditorView,
    private readonly host: HTMLElement,
  ) {
    const { columns, rows } = editor.cine;
    this.image = document.createElement("canvas");
    this.image.width = columns;
    this.image.height = rows;
    this.image.className = "cine-image";
    this.cross = document.createElement("div");
    this.cross.className = "cross";
    host.prepend(this.image, this.cross);
    const context = this.image.getContext("2d", { alpha: false });
    if (!context) throw new Error("This browser offers no canvas.");
    this.context = context;
    this.layers = new Layers(editor);
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
    this.cross.remove();
  }

  private draw(): void {
    const { reference } = this.editor.state;
    if (reference === null) return;
    this.placement.host = { width: this.host.clientWidth, height: this.host.clientHeight };
    this.placement.follow(this.view.placement);
    this.image.style.transform = this.placement.transform;
    this.image.style.imageRendering = this.view.imageRendering;
    const frame = this.editor.frames.get(reference);
    this.host.dataset.frame = frame ? String(reference + 1) : "";
    if (frame && this.layers.paint(reference, frame)) this.context.putImageData(this.layers.pixels, 0, 0);
    const { hover } = this.view;
    this.cross.hidden = hover === null;
    if (hover) {
      const { x, y } = this.placement.toScreen(hover.x, hover.y);
      this.cross.style.transform = `translate(${x}px, ${y}px)`;
    }
  }
}
