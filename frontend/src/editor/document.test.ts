import { beforeEach, describe, expect, it } from "vitest";
import { LABELS, maskOf, ReadingServer, randomOf } from "../testing/readingServer";
import { fromBase64 } from "./codec";
import { type PendingEvent, ReadingDocument } from "./document";
import type { EventBody } from "./types";

const CODE = "coronary_artery";
let server: ReadingServer;
let document: ReadingDocument;
let made = 0;

function pendingOf(body: EventBody): PendingEvent {
  made += 1;
  return { clientUuid: `c${made}`, body, base: document.revision };
}

/** Append at the server and take in the answer. */
async function append(body: EventBody): Promise<string> {
  const { clientUuid } = pendingOf(body);
  const numbers = { client_uuid: clientUuid, base_revision: server.log.length, writer: "" };
  document.append(await server.gateway().appendEvent({ ...body, ...numbers }));
  return clientUuid;
}

const edit = (frame: number, ...pixels: number[]): EventBody => ({
  kind: "edit",
  payload: { frame_index: frame, label: CODE, mask: maskOf(...pixels), tool: "brush" },
});
const prompt = (frame: number, x = 1, box: [number, number, number, number] | null = null): EventBody => ({
  kind: "prompt",
  payload: { frame_index: frame, label: CODE, points: [{ x, y: 1, positive: true }], box },
});
const accept = (frames: number[], accepted = true): EventBody => ({
  kind: "accept",
  payload: { frame_indices: frames, accepted },
});
const reversal = (kind: "undo" | "redo", target: string): EventBody => ({
  kind,
  payload: { target_client: target },
});

/** What a document shows, in a form that can be compared. */
function shown(of = document): Record<string, string> {
  const entries = [...of.entries()].map((mask) => [
    `${mask.labelIndex}:${mask.frameIndex}`,
    `${mask.provenance} ${mask.accepted} ${[...mask.data.slice(8, 20), ...mask.data.slice(32)]}`,
  ]);
  return Object.fromEntries(entries.sort());
}

function onServer(): Record<string, string> {
  const rows = server.masks().filter((row) => row.area > 0);
  const entries = rows.map((row) => {
    const data = fromBase64(row.mask);
    const text = `${row.provenance} ${row.accepted} ${[...data.slice(8, 20), ...data.slice(32)]}`;
    return [`${row.label_index}:${row.frame_index}`, text];
  });
  return Object.fromEntries(entries.sort());
}

beforeEach(() => {
  server = new ReadingServer();
  document = new ReadingDocument(LABELS);
});

describe("masks", () => {
  it("come with the log where they were drawn by hand, and leave empty ones out", async () => {
    await append(edit(0, 1, 2));
    await append(edit(1));
    const fresh = new ReadingDocument(LABELS);
    fresh.merge(server.log, []);
    expect(fresh.revision).toBe(2);
    expect([...fresh.entries()].map((mask) => [mask.frameIndex, mask.area])).toEqual([[0, 2]]);
    expect(fresh.mask(1, 1)).toBeUndefined();
  });

  it("are decoded anew only when their pixels have changed", async () => {
    const asked = await append(prompt(0));
    server.answer(asked, 1, 0, maskOf(1, 2));
    document.merge([], server.masks());
    const before = document.pixels(1, 0);
    document.merge([], server.masks());
    expect(document.pixels(1, 0)).toBe(before);
    server.answer(asked, 1, 0, maskOf(3));
    document.merge([], server.masks());
    expect(document.pixels(1, 0)?.bits).toEqual(Uint8Array.from([1]));
  });

  it("of a job that ends late stay beneath what was drawn meanwhile", async () => {
    const asked = await append(prompt(0));
    await append(edit(0, 5));
    const message = fromBase64(maskOf(1));
    message[3] = 1;
    message[21] = 1;
    document.setMessage(message, asked);
    expect(document.mask(1, 0)?.provenance).toBe("HUMAN");
  });

  it("of an event that the log does not hold yet are shown as the server says, until it does", async () => {
    await append(edit(0, 5));
    const asked = { client_uuid: "other", base_revision: 1, writer: "" };
    await server.gateway().appendEvent({ ...prompt(0), ...asked });
    server.answer("other", 1, 0, maskOf(1));
    document.merge([], server.masks());
    expect(document.mask(1, 0)?.provenance).toBe("MODEL");
    document.merge(server.log, []);
    await append(reversal("undo", "other"));
    expect(document.mask(1, 0)?.provenance).toBe("HUMAN");
  });

  it("of an event of this tab show before it is acknowledged, on top of what came from elsewhere", async () => {
    document.setPending([pendingOf(edit(0, 7))]);
    expect(document.pixels(1, 0)?.x0).toBe(7);
    await server.gateway().appendEvent({ ...edit(0, 1), client_uuid: "other", base_revision: 0, writer: "" });
    document.merge([], server.masks());
    expect(document.pixels(1, 0)?.x0).toBe(7);
    document.setPending([]);
    expect(document.pixels(1, 0)?.x0).toBe(1);
  });
});

describe("the log", () => {
  it("takes in only what follows on what it knows", async () => {
    await append(edit(0, 1));
    const gateway = server.gateway();
    await gateway.appendEvent({ ...edit(1, 1), client_uuid: "other", base_revision: 1, writer: "" });
    document.append(
      await gateway.appendEvent({ ...edit(2, 1), client_uuid: "mine", base_revision: 2, writer: "" }),
    );
    expect(document.revision).toBe(1);
    document.merge(server.log, server.masks());
    expect(document.revision).toBe(3);
    expect(shown()).toEqual(onServer());
  });
});

describe("prompts", () => {
  it("add up, and a later box replaces an earlier one", async () => {
    await append(prompt(0, 1, [0, 0, 1, 1]));
    document.setPending([pendingOf(prompt(0, 2, [0, 0, 2, 2]))]);
    expect(document.prompts(CODE, 0)).toEqual({
      points: [
        { x: 1, y: 1, positive: true },
        { x: 2, y: 1, positive: true },
      ],
      box: [0, 0, 2, 2],
      line: null,
    });
    expect(document.prompts(CODE, 1).points).toEqual([]);
  });

  it("are retired by an edit, and come back when it is undone", async () => {
    await append(prompt(0));
    const drawn = await append(edit(0, 1));
    expect(document.prompts(CODE, 0).points).toEqual([]);
    document.setPending([pendingOf(reversal("undo", drawn))]);
    expect(document.prompts(CODE, 0).points).toHaveLength(1);
  });

  it("are a box or a line, whichever came last, and retired by words, which ask alone", async () => {
    const given = (change: object) =>
      append({
        kind: "prompt",
        payload: { ...prompt(0).payload, points: [], box: null, ...change },
      } as EventBody);
    await given({ box: [0, 0, 1, 1] });
    await given({ line: [0, 1, 2, 1] });
    expect(document.prompts(CODE, 0)).toMatchObject({ box: null, line: [0, 1, 2, 1] });
    await given({ box: [0, 0, 2, 2] });
    expect(document.prompts(CODE, 0)).toMatchObject({ box: [0, 0, 2, 2], line: null });
    await given({ text: "vessel" });
    expect(document.prompts(CODE, 0)).toEqual({ points: [], box: null, line: null });
  });
});

describe("relabelling", () => {
  const relabel = (...frames: number[]): EventBody => ({
    kind: "relabel",
    payload: { label: CODE, to: "catheter", frame_indices: frames },
  });

  it("shows before it is acknowledged, with what is known of the masks, and is one step", async () => {
    await append(edit(0, 5));
    const asked = await append(prompt(1));
    server.answer(asked, 1, 1, maskOf(6));
    document.merge([], server.masks());
    const before = shown();
    const pending = [pendingOf(relabel(0, 1))];
    document.setPending(pending);
    expect(
      [...document.entries()].map((mask) => [mask.labelIndex, mask.frameIndex, mask.provenance]),
    ).toEqual([
      [2, 0, "HUMAN"],
      [2, 1, "MODEL"],
    ]);
    expect(document.mask(2, 1)?.score).toBe(0.5);
    expect(document.isCleared(1, 0)).toBe(true);
    expect(document.prompts(CODE, 1).points).toEqual([]);
    const moved = shown();
    const [event] = pending;
    if (!event) throw new Error("nothing is pending");
    document.setPending([event, pendingOf(reversal("undo", event.clientUuid))]);
    expect(shown()).toEqual(before);
    document.setPending([event]);
    const numbers = { client_uuid: event.clientUuid, base_revision: 2, writer: "" };
    document.append(await server.gateway().appendEvent({ ...event.body, ...numbers }));
    document.setPending([]);
    expect(shown()).toEqual(moved);
    expect(shown()).toEqual(onServer());
    expect(document.undoTarget()?.clientUuid).toBe(event.clientUuid);
  });

  it("moves what was drawn just before it, sent or not", () => {
    document.setPending([pendingOf(edit(0, 5)), pendingOf(relabel(0)), pendingOf(edit(0, 9))]);
    expect([...document.entries()].map((mask) => mask.labelIndex).sort()).toEqual([1, 2]);
  });
});

describe("undo and redo", () => {
  it("have nothing to bring back once something new was done", async () => {
    const first = await append(accept([0]));
    await append(reversal("undo", first));
    expect(document.redoTarget()?.clientUuid).toBe(first);
    document.setPending([pendingOf(accept([1]))]);
    expect(document.redoTarget()).toBeUndefined();
  });

  it("show what lies beneath without asking, once it has been fetched", async () => {
    const asked = await append(prompt(0));
    server.answer(asked, 1, 0, maskOf(1));
    const drawn = await append(edit(0, 5));
    const fresh = new ReadingDocument(LABELS);
    fresh.merge(server.log, server.masks());
    fresh.merge([], await server.gateway().hiddenMasks());
    fresh.setPending([pendingOf(reversal("undo", drawn))]);
    expect(fresh.mask(1, 0)?.provenance).toBe("MODEL");
  });
});

describe.each(Array.from({ length: 40 }, (_, seed) => seed + 1))("random work, seed %i", (seed) => {
  const random = randomOf(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const frame = () => Math.floor(random() * 3);
  const mask = () =>
    random() < 0.15 ? maskOf() : maskOf(Math.floor(random() * 64), Math.floor(random() * 64));
  const found = () => maskOf(Math.floor(random() * 64), Math.floor(random() * 64));
  let pending: PendingEvent[];

  /** Send the oldest unsent event, as the outbox does. */
  async function sendOne(): Promise<void> {
    const event = pending.shift();
    if (!event) return;
    const numbers = { client_uuid: event.clientUuid, base_revision: document.revision, writer: "" };
    document.append(await server.gateway().appendEvent({ ...event.body, ...numbers }));
    document.setPending(pending);
    const { kind, payload } = event.body;
    // A model answers, now or much later.
    if (kind === "prompt") server.answer(event.clientUuid, pick([1, 1, 2]), payload.frame_index, found());
    if (kind === "propagate") for (const at of [0, 1, 2]) server.answer(event.clientUuid, 1, at, found());
  }

  function act(kind: string): void {
    const label = pick(LABELS).code;
    const undo = document.undoTarget();
    const redo = document.redoTarget();
    let body: EventBody | undefined;
    if (kind === "edit")
      body = { kind, payload: { frame_index: frame(), label, mask: mask(), tool: "brush" } };
    if (kind === "prompt") body = prompt(frame());
    if (kind === "accept") body = accept([...new Set([frame(), frame()])], random() < 0.7);
    if (kind === "propagate") {
      const range = { frame_index: 0, start: 0, stop: 2, direction: "both" as const };
      body = { kind, payload: { labels: [CODE], ...range } };
    }
    if (kind === "relabel") {
      const [giver, taker] = random() < 0.5 ? LABELS : [...LABELS].reverse();
      const frames = [0, 1, 2].filter((at) => giver && document.mask(giver.index, at));
      if (giver && taker && frames.length)
        body = { kind, payload: { label: giver.code, to: taker.code, frame_indices: frames } };
    }
    if (kind === "undo" && undo) body = reversal("undo", undo.clientUuid);
    if (kind === "redo" && redo) body = reversal("redo", redo.clientUuid);
    if (body) pending.push(pendingOf(body));
    document.setPending(pending);
  }

  async function settle(): Promise<void> {
    while (pending.length) await sendOne();
    document.merge([], server.masks());
    document.merge([], await server.gateway().hiddenMasks());
  }

  it("is what the server makes of it, undoes to the start and redoes to the end", async () => {
    pending = [];
    const kinds = [
      "edit",
      "edit",
      "edit",
      "prompt",
      "propagate",
      "accept",
      "relabel",
      "undo",
      "undo",
      "redo",
    ];
    for (let step = 0; step < 60; step++) {
      act(pick(kinds));
      // What is shown before the answers is what they then confirm.
      while (random() < 0.5) await sendOne();
      if (random() < 0.2) document.merge([], server.masks());
    }
    act("edit");
    await settle();
    expect(shown()).toEqual(onServer());
    const end = shown();
    const prompts = document.prompts(CODE, 0);

    for (let steps = 0; document.undoTarget(); steps++) {
      act("undo");
      if (random() < 0.5) await sendOne();
      expect(steps).toBeLessThan(100);
    }
    expect(shown()).toEqual({});
    await settle();
    expect(server.masks()).toEqual([]);
    expect(server.accepted()).toEqual(new Set());
    expect(document.prompts(CODE, 0)).toEqual({ points: [], box: null, line: null });

    while (document.redoTarget()) act("redo");
    expect(shown()).toEqual(end);
    expect(document.prompts(CODE, 0)).toEqual(prompts);
    await settle();
    expect(onServer()).toEqual(end);

    const fresh = new ReadingDocument(LABELS);
    fresh.merge(server.log, server.masks());
    expect(shown(fresh)).toEqual(shown());
    expect(fresh.undoTarget()).toEqual(document.undoTarget());
  });
});
