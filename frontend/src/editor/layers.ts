/** The picture of a frame: grey values through the window, masks over them, each composed once per version. */

import { ByteCache } from "./cache";
import type { MaskPixels } from "./codec";
import { BlendTable, Composer, partOfBitmap, partOfMask, type Runs } from "./compose";
import type { Draft, Editor } from "./editor";
import type { FramePixels } from "./frames";
import { greyTable, paintGrey, paintRgb, parseColour } from "./paint";

const OVERLAY_BYTES = 16_000_000;

/** Where the masks come from that are laid over the frames. */
export interface MaskSource {
  /** What is being drawn. */
  readonly draft: Draft | null;
  /** A number that changes with the mask of a label on a frame; 0 without one. */
  version(labelIndex: number, frameIndex: number): number;
  pixels(labelIndex: number, frameIndex: number): MaskPixels | undefined;
}

/** The masks of the reading itself. */
export function ownMasks(editor: Editor): MaskSource {
  return {
    get draft() {
      return editor.draft;
    },
    version: (label, frame) => editor.document.mask(label, frame)?.version ?? 0,
    pixels: (label, frame) => editor.document.pixels(label, frame),
  };
}

/** What a canvas shows; equal pictures need not be drawn again. */
interface Picture {
  frame: FramePixels;
  grey: string;
  runs: Runs | undefined;
  blend: BlendTable;
}

export class Layers {
  readonly pixels: ImageData;
  private readonly words: Uint32Array;
  private readonly signed: Int32Array;
  private readonly composer: Composer;
  private readonly overlays = new ByteCache<number, { key: string; runs: Runs }>(OVERLAY_BYTES);
  private table: Uint32Array = new Uint32Array(0);
  private tableKey = "";
  private blend = new BlendTable([], 0, false);
  private blendKey = "";
  private shown: Picture | undefined;

  constructor(
    private readonly editor: Editor,
    private readonly source: MaskSource = ownMasks(editor),
  ) {
    const { rows, columns } = editor.cine;
    this.pixels = new ImageData(columns, rows);
    this.words = new Uint32Array(this.pixels.data.buffer);
    this.signed = new Int32Array(this.pixels.data.buffer);
    this.composer = new Composer(columns, rows);
  }

  /** Paint a frame into `pixels`; returns whether anything differs from what was painted last. */
  paint(frameIndex: number, frame: FramePixels): boolean {
    const { cine, state } = this.editor;
    const [low, high] = state.window;
    const grey = `${low}/${high}/${state.inverted}`;
    const runs = state.masksHidden ? undefined : this.runsOf(frameIndex);
    const blend = this.blendOf(state.opacity, state.outlineOnly);
    const { shown } = this;
    if (shown?.frame === frame && shown.grey === grey && shown.runs === runs && shown.blend === blend) {
      return false;
    }
    if (grey !== this.tableKey) {
      this.table = greyTable(low, high, state.inverted, cine.bitsAllocated > 8 ? 65536 : 256);
      this.tableKey = grey;
    }
    (cine.channels === 3 ? paintRgb : paintGrey)(this.words, frame, this.table);
    if (runs) blend.paint(this.signed, runs, cine.channels === 1);
    this.shown = { frame, grey, runs, blend };
    return true;
  }

  private blendOf(opacity: number, outlineOnly: boolean): BlendTable {
    const key = `${opacity}/${outlineOnly}`;
    if (key !== this.blendKey) {
      const colours = this.editor.labels.map((label) => parseColour(label.colour));
      this.blend = new BlendTable(colours, opacity, outlineOnly);
      this.blendKey = key;
    }
    return this.blend;
  }

  private runsOf(frameIndex: number): Runs {
    const { labels, state } = this.editor;
    const { source } = this;
    const { draft } = source;
    const visible = labels.flatMap((label, digit) =>
      state.hiddenLabels.has(label.code) ? [] : [{ digit, index: label.index }],
    );
    const isDrawn = draft?.frameIndex === frameIndex;
    const key = visible.map(({ index }) => `${index}.${source.version(index, frameIndex)}`).join(",");
    const known = isDrawn ? undefined : this.overlays.get(frameIndex);
    if (known?.key === key) return known.runs;
    const { columns, rows } = this.editor.cine;
    const parts = visible.flatMap(({ digit, index }) => {
      if (isDrawn && draft.labelIndex === index) {
        return partOfBitmap(digit, draft.bitmap, columns, rows) ?? [];
      }
      const mask = source.pixels(index, frameIndex);
      return mask ? partOfMask(digit, mask) : [];
    });
    const runs = this.composer.compose(parts);
    if (!isDrawn) this.overlays.set(frameIndex, { key, runs }, runs.byteLength + 200);
    return runs;
  }
}
