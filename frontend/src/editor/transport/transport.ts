/**
 * Which way frames come: as they are (gzip), or as HTJ2K, which is smaller and has to be decoded. The second pays where
 * the link takes longer for what it saves than the decoder for a frame, which is measured while frames come.
 */

import type { FrameDecoder } from "./decoder";
import type { FrameShape } from "./htj2k";
import { type Body, LinkMeter } from "./link";

export type Form = "gzip" | "htj2k";

/** A frame as it came. */
export interface SentFrame {
  form: Form;
  /** Bytes on the way. */
  bytes: number;
  data: ArrayBuffer;
  /** Of the pixels, with a codestream. */
  crc32: number | null;
}

/** Where frames come from. */
export interface FrameSource {
  fetch(frameNumber: number, form: Form, signal: AbortSignal): Promise<SentFrame>;
  /** Bytes that a frame would have as HTJ2K, null where it is not offered. */
  probe(frameNumber: number): Promise<number | null>;
  /** Be told of each body that came over the network, and not out of the browser's cache. */
  watch(listener: (body: Body) => void): () => void;
}

export interface TransportState {
  form: Form;
  /** Bytes of a frame each way, null before they are known. */
  plainBytes: number | null;
  encodedBytes: number | null;
  /** Bytes a millisecond; null before it is known. */
  speed: number | null;
  /** Why HTJ2K is not used any more in this reading. */
  refused: "" | "not_offered" | "failed";
}

export const UNKNOWN: TransportState = {
  form: "gzip",
  plainBytes: null,
  encodedBytes: null,
  speed: null,
  refused: "",
};

/** The first frames come as they are: the reader waits for them, and they tell how fast the link is. */
const FIRST_FRAMES = 6;
/** What to expect of HTJ2K before it was asked for (docs/performance.md), of its bytes and of the time a byte of pixels takes. */
const EXPECTED_RATIO = 0.7;
const EXPECTED_MS_A_BYTE = 11e-6;
/** To begin with it has to save so many times what it costs; to go on, what it costs. */
const MARGIN = 2;
/** What the decoder itself takes to load. */
export const DECODER_BYTES = 335_000;
const REMEMBERED = 15;
const FEWEST_DECODED = 3;

export interface Costs {
  plainBytes: number;
  encodedBytes: number;
  /** Bytes a millisecond. */
  speed: number;
  decodeMs: number;
}

/** Whether a frame is here sooner as HTJ2K. */
export function pays({ plainBytes, encodedBytes, speed, decodeMs }: Costs, margin = 1): boolean {
  return (plainBytes - encodedBytes) / speed > margin * decodeMs;
}

export class FrameTransport {
  private readonly link = new LinkMeter();
  private readonly plain = new Recent(REMEMBERED);
  private readonly encoded = new Recent(REMEMBERED);
  private readonly decoding = new Recent(REMEMBERED);
  private readonly seen = new Set<number>();
  private readonly unwatch: () => void;
  private form: Form = "gzip";
  private refused: TransportState["refused"] = "";
  private decoder: FrameDecoder | undefined;
  private isWarm = false;
  private isTrying = false;
  /** Frames that have to be there before the next attempt. */
  private tryAfter = FIRST_FRAMES;
  private isClosed = false;
  private lastFrame = 1;
  private listener: (state: TransportState) => void = () => undefined;

  constructor(
    private readonly cine: FrameShape & { frameCount: number },
    private readonly source: FrameSource,
    private readonly openDecoder: () => FrameDecoder,
  ) {
    this.unwatch = source.watch((body) => {
      this.link.add(body);
      this.consider();
    });
  }

  get state(): TransportState {
    const { form, refused } = this;
    return {
      form,
      refused,
      plainBytes: this.plain.median,
      encodedBytes: this.encoded.median,
      speed: this.link.speed,
    };
  }

  /** Have a function told whenever something about the transport changes. */
  onChange(listener: (state: TransportState) => void): void {
    this.listener = listener;
  }

  /** The exact pixels of a frame, whichever way they come. */
  async frame(frameNumber: number, signal: AbortSignal): Promise<ArrayBuffer> {
    this.lastFrame = frameNumber;
    const asked = this.form;
    let sent = await this.source.fetch(frameNumber, asked, signal);
    if (sent.form === "htj2k") {
      const pixels = await this.decoded(sent, signal);
      if (pixels) {
        this.came(frameNumber);
        return pixels;
      }
      sent = await this.source.fetch(frameNumber, "gzip", signal);
    } else if (asked === "htj2k") this.giveUp("not_offered");
    this.plain.add(sent.bytes);
    this.came(frameNumber);
    return sent.data;
  }

  close(): void {
    this.isClosed = true;
    this.unwatch();
    this.decoder?.close();
  }

  private came(frameNumber: number): void {
    this.seen.add(frameNumber);
    this.consider();
    this.listener(this.state);
  }

  private async decoded({ data, bytes, crc32 }: SentFrame, signal: AbortSignal): Promise<ArrayBuffer | null> {
    try {
      if (crc32 === null || !this.decoder)
        throw new Error("There is nothing to decode it with, or to check it by.");
      const { pixels, ms } = await this.decoder.decode({ data, crc32 }, this.cine);
      signal.throwIfAborted();
      this.encoded.add(bytes);
      // The first one warms the decoder up and tells nothing of the others.
      if (this.isWarm) this.decoding.add(ms);
      this.isWarm = true;
      return pixels;
    } catch {
      signal.throwIfAborted();
      this.giveUp("failed");
      return null;
    }
  }

  private giveUp(refused: TransportState["refused"]): void {
    this.form = "gzip";
    this.refused ||= refused;
    this.decoder?.close();
    this.decoder = undefined;
    this.listener(this.state);
  }

  /** What both ways cost, as far as it is known; what is not yet is expected. */
  private costs(): Costs | null {
    const { speed } = this.link;
    const plainBytes = this.plain.median;
    if (speed === null || plainBytes === null) return null;
    const { rows, columns, channels, bitsAllocated } = this.cine;
    const expected = rows * columns * channels * (bitsAllocated / 8) * EXPECTED_MS_A_BYTE;
    return {
      plainBytes,
      encodedBytes: this.encoded.median ?? plainBytes * EXPECTED_RATIO,
      speed,
      decodeMs: (this.decoding.count < FEWEST_DECODED ? null : this.decoding.median) ?? expected,
    };
  }

  private consider(): void {
    const costs = this.costs();
    if (!costs || this.refused || this.isClosed) return;
    if (this.form === "htj2k") {
      if (!pays(costs)) this.form = "gzip";
    } else if (!this.isTrying && this.seen.size >= this.tryAfter && this.isWorth(costs)) {
      this.isTrying = true;
      void this.begin(this.lastFrame).finally(() => {
        this.isTrying = false;
      });
    }
  }

  /** Whether to begin; the decoder, where it is not here yet, has to be worth its own way too. */
  private isWorth(costs: Costs): boolean {
    const left = this.cine.frameCount - this.seen.size;
    const saved = left * (costs.plainBytes - costs.encodedBytes);
    return pays(costs, MARGIN) && (this.decoder !== undefined || saved > DECODER_BYTES);
  }

  /** Ask what HTJ2K would save; where it is enough, fetch the decoder. Frames come as before meanwhile. */
  private async begin(frameNumber: number): Promise<void> {
    if (this.encoded.median === null) {
      try {
        const bytes = await this.source.probe(frameNumber);
        if (bytes === null) return this.giveUp("not_offered");
        this.encoded.add(bytes);
      } catch {
        this.tryAfter = this.seen.size + FIRST_FRAMES;
        return;
      }
      const costs = this.costs();
      if (this.isClosed || !costs || !this.isWorth(costs)) return;
    }
    if (!this.decoder) {
      const decoder = this.openDecoder();
      try {
        await decoder.ready;
      } catch {
        return this.giveUp("failed");
      }
      if (this.isClosed) return decoder.close();
      this.decoder = decoder;
    }
    this.form = "htj2k";
    this.listener(this.state);
  }
}

/** The median of the last few numbers: one that stands out does not move it. */
class Recent {
  private readonly numbers: number[] = [];
  count = 0;

  constructor(private readonly most: number) {}

  add(number: number): void {
    this.count += 1;
    this.numbers.push(number);
    if (this.numbers.length > this.most) this.numbers.shift();
  }

  get median(): number | null {
    return this.numbers.toSorted((a, b) => a - b)[this.numbers.length >> 1] ?? null;
  }
}

/** What to tell the reader who asks. */
export function transportText({ form, plainBytes, encodedBytes, speed, refused }: TransportState): string {
  if (plainBytes === null) return "";
  const link = speed === null || !Number.isFinite(speed) ? "" : ` over about ${megabits(speed)} Mbit/s`;
  if (form === "htj2k" && encodedBytes !== null) {
    const less = Math.round(100 * (1 - encodedBytes / plainBytes));
    return `Frames come as HTJ2K, ${size(encodedBytes)} each instead of ${size(plainBytes)} (${less} % less)${link}.`;
  }
  const why = refused === "failed" ? " One that came as HTJ2K could not be decoded." : "";
  return `Frames come as gzip, ${size(plainBytes)} each${link}.${why}`;
}

function size(bytes: number): string {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Two significant digits, for it is an estimate. */
function megabits(speed: number): string {
  return Number(((speed * 8) / 1e3).toPrecision(2)).toString();
}
