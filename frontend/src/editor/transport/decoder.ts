/** The decoder as the page sees it: a promise for each codestream, whatever becomes of the worker. */

import type { Codestream, FrameShape } from "./htj2k";
import type { DecodeRequest, DecoderMessage } from "./messages";

export interface Decoded {
  pixels: ArrayBuffer;
  /** How long the decoder worked on it. */
  ms: number;
}

export interface FrameDecoder {
  /** Resolves when it can decode. */
  readonly ready: Promise<void>;
  decode(codestream: Codestream, shape: FrameShape): Promise<Decoded>;
  close(): void;
}

/** What of a Worker is used. */
export type DecoderWorker = Pick<
  Worker,
  "postMessage" | "terminate" | "onmessage" | "onerror" | "onmessageerror"
>;

/** A worker that says nothing for so long is not waited for: the frame comes the other way. */
const PATIENCE_MS = 30_000;

interface Waiting {
  resolve(decoded: Decoded): void;
  reject(error: Error): void;
  timer: ReturnType<typeof setTimeout>;
}

export class WorkerDecoder implements FrameDecoder {
  readonly ready: Promise<void>;
  private readonly waiting = new Map<number, Waiting>();
  private count = 0;
  private ended: Error | null = null;
  private end: (error: Error) => void = () => undefined;

  constructor(private readonly worker: DecoderWorker) {
    this.ready = new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.end(new Error("The decoder does not start.")), PATIENCE_MS);
      this.end = (error) => {
        if (this.ended) return;
        this.ended = error;
        clearTimeout(timer);
        worker.terminate();
        for (const id of [...this.waiting.keys()]) this.take(id)?.reject(error);
        reject(error);
      };
      worker.onmessage = ({ data }: MessageEvent<DecoderMessage>) => {
        if (data.kind === "ready") {
          clearTimeout(timer);
          resolve();
        } else if (data.kind === "failed") this.end(new Error(data.reason));
        else if (data.kind === "decoded") this.take(data.id)?.resolve(data);
        else this.take(data.id)?.reject(new Error(data.reason));
      };
      worker.onerror = (event) => this.end(new Error(event.message || "The decoder cannot be loaded."));
      worker.onmessageerror = () => this.end(new Error("The decoder's answer cannot be read."));
    });
    // Whoever waits is told; that nobody may is no error.
    this.ready.catch(() => undefined);
  }

  decode(codestream: Codestream, shape: FrameShape): Promise<Decoded> {
    return new Promise((resolve, reject) => {
      if (this.ended) return reject(this.ended);
      const id = this.count++;
      const timer = setTimeout(() => this.end(new Error("The decoder does not answer.")), PATIENCE_MS);
      this.waiting.set(id, { resolve, reject, timer });
      const request: DecodeRequest = { id, codestream, shape };
      this.worker.postMessage(request, [codestream.data]);
    });
  }

  close(): void {
    this.end(new Error("The decoder is closed."));
  }

  private take(id: number): Waiting | undefined {
    const found = this.waiting.get(id);
    this.waiting.delete(id);
    clearTimeout(found?.timer);
    return found;
  }
}
