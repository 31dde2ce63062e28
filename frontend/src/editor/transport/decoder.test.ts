import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type DecoderWorker, WorkerDecoder } from "./decoder";
import type { DecodeRequest, DecoderMessage } from "./messages";

class FakeWorker implements DecoderWorker {
  onmessage: Worker["onmessage"] = null;
  onerror: Worker["onerror"] = null;
  onmessageerror: Worker["onmessageerror"] = null;
  requests: DecodeRequest[] = [];
  isTerminated = false;
  postMessage(message: unknown): void {
    this.requests.push(message as DecodeRequest);
  }
  terminate(): void {
    this.isTerminated = true;
  }
  say(message: DecoderMessage): void {
    this.onmessage?.call(this as unknown as Worker, { data: message } as MessageEvent);
  }
}

const SHAPE = { rows: 1, columns: 1, channels: 1, bitsAllocated: 8 };
const codestream = () => ({ data: new ArrayBuffer(8), crc32: 0 });
let worker: FakeWorker;
let decoder: WorkerDecoder;

beforeEach(() => {
  vi.useFakeTimers();
  worker = new FakeWorker();
  decoder = new WorkerDecoder(worker);
});
afterEach(() => void vi.useRealTimers());

describe("the decoder in its worker", () => {
  it("gives each codestream its own answer, in whatever order they come", async () => {
    worker.say({ kind: "ready" });
    await decoder.ready;
    const answers = [decoder.decode(codestream(), SHAPE), decoder.decode(codestream(), SHAPE)];
    const [first, second] = worker.requests.map(({ id }) => id);
    const pixels = new ArrayBuffer(1);
    worker.say({ kind: "decoded", id: second as number, pixels, ms: 4 });
    worker.say({ kind: "refused", id: first as number, reason: "The codestream is damaged." });
    await expect(answers[1]).resolves.toMatchObject({ pixels, ms: 4 });
    await expect(answers[0]).rejects.toThrow("The codestream is damaged.");
    expect(worker.isTerminated).toBe(false);
  });

  it("tells all who wait when the worker dies, is closed, or says nothing any more", async () => {
    const ends: [() => unknown, string][] = [
      [
        () => worker.onerror?.call(worker as unknown as Worker, { message: "out of memory" } as ErrorEvent),
        "out of memory",
      ],
      [() => worker.onerror?.call(worker as unknown as Worker, {} as ErrorEvent), "cannot be loaded"],
      [() => worker.onmessageerror?.call(worker as unknown as Worker, {} as MessageEvent), "cannot be read"],
      [() => decoder.close(), "is closed"],
      [() => vi.advanceTimersByTime(31_000), "does not answer"],
    ];
    for (const [end, reason] of ends) {
      worker = new FakeWorker();
      decoder = new WorkerDecoder(worker);
      worker.say({ kind: "ready" });
      const answers = Promise.allSettled([
        decoder.decode(codestream(), SHAPE),
        decoder.decode(codestream(), SHAPE),
      ]);
      end();
      for (const answer of await answers)
        expect(String((answer as PromiseRejectedResult).reason)).toContain(reason);
      expect(worker.isTerminated).toBe(true);
      await expect(decoder.decode(codestream(), SHAPE)).rejects.toThrow(reason);
    }
  });

  it("says so when it cannot start, or does not in time", async () => {
    worker.say({ kind: "failed", reason: "WebAssembly is forbidden." });
    await expect(decoder.ready).rejects.toThrow("WebAssembly is forbidden.");
    decoder = new WorkerDecoder(new FakeWorker());
    vi.advanceTimersByTime(31_000);
    await expect(decoder.ready).rejects.toThrow("does not start");
  });

  it("is not given up once it has started", async () => {
    worker.say({ kind: "ready" });
    vi.advanceTimersByTime(100_000);
    await expect(decoder.ready).resolves.toBeUndefined();
    expect(worker.isTerminated).toBe(false);
  });
});
