/** A strip of small frames, drawn when nothing else is to be done, never while the cine plays. */

import { useEffect, useRef } from "react";
import type { Editor } from "../../../editor/editor";
import { niceStep, thumbnailOf } from "../../../editor/thumbnail";
import { type TimeScale, xOf } from "../../../editor/timescale";
import { useRoom } from "../useEditor";

/** Height in pixels. */
export const STRIP = 30;
const RATIO = 2;
const KEEP = 400;

const later: (work: (left: () => number) => void) => number =
  "requestIdleCallback" in window
    ? (work) => window.requestIdleCallback((deadline) => work(() => deadline.timeRemaining()))
    : (work) => setTimeout(() => work(() => 8), 50) as unknown as number;
const never = (handle: number) =>
  "cancelIdleCallback" in window ? window.cancelIdleCallback(handle) : clearTimeout(handle);

/** Small pictures of frames that are loaded, kept. */
export class ThumbnailCache {
  private readonly pictures = new Map<number, HTMLCanvasElement>();
  readonly width: number;

  constructor(
    private readonly editor: Editor,
    readonly height: number,
  ) {
    const { columns, rows } = editor.cine;
    this.width = Math.round(Math.min(Math.max(columns / rows, 0.6), 2.5) * height);
  }

  get(frame: number): HTMLCanvasElement | undefined {
    return this.pictures.get(frame);
  }

  /** The picture of a frame, made now if its pixels are there. */
  make(frame: number): HTMLCanvasElement | undefined {
    const known = this.pictures.get(frame);
    const pixels = known ? undefined : this.editor.frames.get(frame);
    if (!pixels) return known;
    const picture = document.createElement("canvas");
    [picture.width, picture.height] = [this.width * RATIO, this.height * RATIO];
    const small = thumbnailOf(this.editor.cine, pixels, picture.width, picture.height);
    picture.getContext("2d")?.putImageData(new ImageData(small, picture.width), 0, 0);
    this.pictures.set(frame, picture);
    const oldest = this.pictures.keys().next().value;
    if (this.pictures.size > KEEP && oldest !== undefined) this.pictures.delete(oldest);
    return picture;
  }
}

export function Thumbnails({ scale, width }: { scale: TimeScale; width: number }) {
  const { editor } = useRoom();
  const canvas = useRef<HTMLCanvasElement>(null);
  const cache = useRef<ThumbnailCache>(undefined);

  useEffect(() => {
    const place = canvas.current;
    if (!place || width === 0) return;
    cache.current ??= new ThumbnailCache(editor, STRIP);
    const pictures = cache.current;
    const step = niceStep((scale.length / width) * pictures.width);
    const slots: number[] = [];
    const first = Math.max(0, Math.floor(scale.first / step) * step);
    for (let frame = first; frame < Math.min(scale.first + scale.length, scale.count); frame += step) {
      slots.push(frame);
    }
    const ratio = window.devicePixelRatio || 1;
    [place.width, place.height] = [Math.round(width * ratio), Math.round(STRIP * ratio)];
    const context = place.getContext("2d");
    const draw = (frame: number, picture: HTMLCanvasElement) => {
      const left = xOf(scale, frame, width);
      const wide = Math.min((step / scale.length) * width, pictures.width);
      const cut = (picture.width - (wide / pictures.width) * picture.width) / 2;
      context?.setTransform(ratio, 0, 0, ratio, 0, 0);
      context?.drawImage(picture, cut, 0, picture.width - 2 * cut, picture.height, left, 0, wide, STRIP);
    };
    let missing = slots;
    let handle = 0;
    const work = (left: () => number) => {
      handle = 0;
      if (editor.state.playing) return;
      missing = missing.filter((frame) => {
        if (left() < 3) return true;
        const picture = pictures.make(frame);
        if (picture) draw(frame, picture);
        return !picture;
      });
      if (missing.some((frame) => editor.frames.get(frame))) ask();
    };
    const ask = () => {
      if (!handle && missing.length) handle = later(work);
    };
    missing = slots.filter((frame) => {
      const picture = pictures.get(frame);
      if (picture) draw(frame, picture);
      return !picture;
    });
    ask();
    const forget = editor.store.subscribe((state, before) => {
      if (state.framesLoaded !== before.framesLoaded || state.playing !== before.playing) ask();
    });
    return () => {
      forget();
      if (handle) never(handle);
    };
  }, [editor, scale, width]);

  return <canvas ref={canvas} className="thumbnails" style={{ height: STRIP }} aria-hidden />;
}
