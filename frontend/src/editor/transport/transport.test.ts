import { beforeEach, describe, expect, it } from "vitest";
import type { Decoded, FrameDecoder } from "./decoder";
import type { Codestream } from "./htj2k";
import { type Body, LinkMeter } from "./link";
import { type Form, FrameTransport, pays, transportText, UNKNOWN } from "./transport";

const CINE = { rows: 512, columns: 512, channels: 1, bitsAllocated: 8, frameCount: 60 };
const PLAIN = 116_000;
const ENCODED = 62_000;
const signal = new AbortController().signal;

/** A server at the other end of a link of some speed; its frames hold their own number. */
class Server {
  megabits = 8;
  offers = true;
  encodedBytes = ENCODED;
  asked: Form[] = [];
  probes = 0;
  isDown = false;
  private now = 0;
  private listener: ((body: Body) => void) | undefined;
  isWatched = false;

  async fetch(frameNumber: number, wanted: Form) {
    this.asked.push(wanted);
    if (this.isDown) throw new TypeError("Failed to fetch");
    const form = this.offers ? wanted : "gzip";
    const bytes = form === "htj2k" ? this.encodedBytes : PLAIN;
    const startMs = this.now;
    this.now += (bytes * 8) / (this.megabits * 1000);
    this.listener?.({ bytes, startMs, endMs: this.now });
    const data = Uint8Array.of(frameNumber).buffer;
    return { form, bytes, data, crc32: form === "htj2k" ? 1 : null };
  }

  async probe() {
    this.probes += 1;
    if (this.isDown) throw new TypeError("Failed to fetch");
    return this.offers ? this.encodedBytes : null;
  }

  watch(listener: (body: Body) => void) {
    this.listener = listener;
    this.isWatched = true;
    return () => {
      this.isWatched = false;
    };
  }
}

class Decoder implements FrameDecoder {
  static opened: Decoder[] = [];
  static ms = 3;
  static starts: () => Promise<void> = async () => undefined;
  static decodes = async ({ data }: Codestream): Promise<Decoded> => ({ pixels: data, ms: Decoder.ms });
  readonly ready = Decoder.starts();
  isClosed = false;
  constructor() {
    Decoder.opened.push(this);
  }
  decode(codestream: Codestream): Promise<Decoded> {
    return Decoder.decodes(codestream);
  }
  close(): void {
    this.isClosed = true;
  }
}

const usual = { starts: Decoder.starts, decodes: Decoder.decodes };
let server: Server;
let transport: FrameTransport;

function start(change: Partial<typeof CINE> = {}): void {
  server = new Server();
  transport = new FrameTransport({ ...CINE, ...change }, server, () => new Decoder());
}

/** Load frames one after the other, as a cine is; each has to be the one that was asked for. */
async function load(first: number, last: number): Promise<void> {
  for (let frame = first; frame <= last; frame++) {
    expect([...new Uint8Array(await transport.frame(frame, signal))]).toEqual([frame]);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

beforeEach(() => {
  Object.assign(Decoder, { opened: [], ms: 3, ...usual });
  start();
});

describe("the transport of frames", () => {
  it("asks for HTJ2K over a slow link, but not for the first frames, and fetches the decoder once", async () => {
    await load(1, 6);
    expect(server.asked).toEqual(Array(6).fill("gzip"));
    await load(7, 40);
    expect(server.asked.slice(7)).toEqual(Array(33).fill("htj2k"));
    expect(server.probes).toBe(1);
    expect(Decoder.opened).toHaveLength(1);
    expect(transport.state).toMatchObject({ form: "htj2k", plainBytes: PLAIN, encodedBytes: ENCODED });
    expect(transport.state.speed).toBeCloseTo(1000);
  });

  it("asks for nothing over a fast link", async () => {
    server.megabits = 400;
    await load(1, 60);
    expect(new Set(server.asked)).toEqual(new Set(["gzip"]));
    expect([server.probes, Decoder.opened.length]).toEqual([0, 0]);
  });

  it("does not fetch the decoder for what is left of a short cine, or for what is hardly smaller", async () => {
    start({ frameCount: 10 });
    await load(1, 10);
    expect([server.probes, Decoder.opened.length]).toEqual([0, 0]);
    start();
    server.encodedBytes = 0.97 * PLAIN;
    await load(1, 60);
    expect([server.probes, Decoder.opened.length]).toEqual([1, 0]);
  });

  it("goes on loading while the decoder starts", async () => {
    let begin: () => void = () => undefined;
    Decoder.starts = () =>
      new Promise((resolve) => {
        begin = resolve;
      });
    await load(1, 20);
    expect(Decoder.opened).toHaveLength(1);
    expect(server.asked).toEqual(Array(20).fill("gzip"));
    begin();
    await load(21, 22);
    expect(server.asked.at(-1)).toBe("htj2k");
  });

  it("does without where the server does not offer it, and asks no more", async () => {
    server.offers = false;
    await load(1, 60);
    expect([server.probes, Decoder.opened.length]).toEqual([1, 0]);
    expect(transport.state.refused).toBe("not_offered");
  });

  it("takes what comes where the server has stopped to offer it", async () => {
    await load(1, 12);
    server.offers = false;
    await load(13, 20);
    expect(server.asked.slice(12)).toEqual(["htj2k", ...Array(7).fill("gzip")]);
    expect(transport.state).toMatchObject({ form: "gzip", refused: "not_offered" });
    expect(Decoder.opened[0]?.isClosed).toBe(true);
  });

  it("loses no frame to a decoder that fails, however many are on their way, and does without it then", async () => {
    await load(1, 12);
    Decoder.decodes = async () => {
      throw new Error("The codestream does not hold the pixels of the frame.");
    };
    const came = await Promise.all([13, 14, 15, 16].map((frame) => transport.frame(frame, signal)));
    expect(came.map((pixels) => new Uint8Array(pixels)[0])).toEqual([13, 14, 15, 16]);
    await load(17, 60);
    expect(server.asked.filter((form) => form === "htj2k").length).toBeLessThanOrEqual(12 - 6 + 4);
    expect(server.asked.slice(-44)).toEqual(Array(44).fill("gzip"));
    expect(transport.state).toMatchObject({ form: "gzip", refused: "failed" });
    expect(Decoder.opened).toHaveLength(1);
  });

  it("loses no frame to a decoder that does not start", async () => {
    Decoder.starts = async () => {
      throw new Error("blocked");
    };
    await load(1, 60);
    expect(new Set(server.asked)).toEqual(new Set(["gzip"]));
    expect([transport.state.refused, Decoder.opened.length]).toEqual(["failed", 1]);
  });

  it("does not take pixels that nothing vouches for", async () => {
    await load(1, 12);
    const { fetch } = server;
    server.fetch = async (frame, form) => ({ ...(await fetch.call(server, frame, form)), crc32: null });
    await load(13, 14);
    expect(transport.state.refused).toBe("failed");
  });

  it("leaves HTJ2K when the decoder is the slower of the two, and comes back only for a clear gain", async () => {
    await load(1, 12);
    expect(transport.state.form).toBe("htj2k");
    // 54 kB less are 54 ms at 8 Mbit/s.
    Decoder.ms = 70;
    await load(13, 30);
    expect(transport.state).toMatchObject({ form: "gzip", refused: "" });
    server.megabits = 4; // 108 ms: more than it costs, but not twice as much
    await load(31, 58);
    expect(transport.state.form).toBe("gzip");
    server.megabits = 2;
    await load(31, 58);
    expect(transport.state.form).toBe("htj2k");
    expect(Decoder.opened).toHaveLength(1);
    expect(server.probes).toBe(1);
  });

  it("leaves HTJ2K when the link has become fast", async () => {
    await load(1, 12);
    server.megabits = 900;
    await load(13, 45);
    expect(transport.state.form).toBe("gzip");
  });

  it("hands a failure of the network on, and tries again when it has come back", async () => {
    await load(1, 5);
    const { probe } = server;
    server.probe = async () => {
      server.probes += 1;
      throw new TypeError("Failed to fetch");
    };
    await load(6, 6);
    expect([server.probes, Decoder.opened.length]).toEqual([1, 0]);
    server.probe = probe;
    await load(7, 20);
    expect(transport.state).toMatchObject({ form: "htj2k", refused: "" });
    server.isDown = true;
    await expect(transport.frame(21, signal)).rejects.toThrow("Failed to fetch");
    server.isDown = false;
    await load(21, 22);
    expect(transport.state.form).toBe("htj2k");
  });

  it("lets go of a frame that nobody waits for any more, and blames nobody", async () => {
    await load(1, 12);
    const leaving = new AbortController();
    Decoder.decodes = async () => {
      leaving.abort();
      throw new Error("The decoder is closed.");
    };
    const asked = server.asked.length;
    await expect(transport.frame(13, leaving.signal)).rejects.toMatchObject({ name: "AbortError" });
    expect(server.asked).toHaveLength(asked + 1);
    expect(transport.state.refused).toBe("");
  });

  it("ends its decoder with the reading, also one that is still starting", async () => {
    await load(1, 12);
    transport.close();
    expect([Decoder.opened[0]?.isClosed, server.isWatched]).toEqual([true, false]);
    start();
    let begin: () => void = () => undefined;
    Decoder.starts = () =>
      new Promise((resolve) => {
        begin = resolve;
      });
    await load(1, 8);
    transport.close();
    begin();
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(Decoder.opened.map(({ isClosed }) => isClosed)).toEqual([true, true]);
  });

  it("tells when something has changed", async () => {
    const forms: string[] = [];
    transport.onChange(({ form }) => forms.push(form));
    await load(1, 12);
    expect([forms[0], forms.at(-1)]).toEqual(["gzip", "htj2k"]);
  });
});

describe("what pays", () => {
  it("is a matter of the link's speed", () => {
    // 54 kB are 432 kbit: 4.32 ms at 100 Mbit/s.
    const at = (megabits: number) => ({
      plainBytes: PLAIN,
      encodedBytes: ENCODED,
      decodeMs: 4,
      speed: megabits * 125,
    });
    expect([100, 107, 109].map((megabits) => pays(at(megabits)))).toEqual([true, true, false]);
    expect([50, 55].map((megabits) => pays(at(megabits), 2))).toEqual([true, false]);
    expect(pays({ ...at(100), speed: Number.POSITIVE_INFINITY })).toBe(false);
    expect(pays({ ...at(1), encodedBytes: PLAIN + 1 })).toBe(false);
  });
});

describe("the speed of the link", () => {
  it("is not known from a few bodies", () => {
    const link = new LinkMeter();
    for (let body = 0; body < 5; body++) link.add({ bytes: 1000, startMs: body, endMs: body + 1 });
    expect(link.speed).toBeNull();
  });

  it("counts the time of bodies that came at once only once, and none in between", () => {
    const link = new LinkMeter();
    for (let round = 0; round < 3; round++) {
      // Four share the link for 40 ms; then nothing comes for a second.
      const startMs = round * 1000;
      for (let body = 0; body < 4; body++)
        link.add({ bytes: 1000, startMs: startMs + body, endMs: startMs + 40 });
    }
    expect(link.speed).toBeCloseTo(100);
    for (let body = 0; body < 24; body++) link.add({ bytes: 500, startMs: 9000 + body, endMs: 9001 + body });
    expect(link.speed).toBeCloseTo(500);
  });

  it("is beyond measure where bodies take no time", () => {
    const link = new LinkMeter();
    for (let body = 0; body < 8; body++) link.add({ bytes: 1000, startMs: 5, endMs: 5 });
    expect(link.speed).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("what the reader is told", () => {
  it("names the form, its size, the link, and what is saved", () => {
    expect(transportText(UNKNOWN)).toBe("");
    const plain = { ...UNKNOWN, plainBytes: PLAIN, speed: 31_234 };
    expect(transportText(plain)).toBe("Frames come as gzip, 116 kB each over about 250 Mbit/s.");
    expect(transportText({ ...plain, speed: Number.POSITIVE_INFINITY })).toBe(
      "Frames come as gzip, 116 kB each.",
    );
    expect(transportText({ ...plain, form: "htj2k", encodedBytes: ENCODED, speed: 1010 })).toBe(
      "Frames come as HTJ2K, 62 kB each instead of 116 kB (47 % less) over about 8.1 Mbit/s.",
    );
    expect(transportText({ ...plain, refused: "failed", plainBytes: 1_348_000, speed: null })).toBe(
      "Frames come as gzip, 1.3 MB each. One that came as HTJ2K could not be decoded.",
    );
  });
});
