import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BrowserLocks, memoryStorage } from "../testing/fakeLocks";
import { ReadingServer, randomOf } from "../testing/readingServer";
import type { PendingEvent } from "./document";
import { Outbox } from "./outbox";
import { type KeptEvent, memoryStore, type OutboxStore } from "./outboxStore";
import { openTab } from "./tab";
import { type EventBody, Refusal } from "./types";

const ACCEPT: EventBody = { kind: "accept", payload: { frame_indices: [0], accepted: true } };
const READING = "reading";
const never = () => new Promise<never>(() => undefined);
const offline = () => {
  throw new TypeError("Failed to fetch");
};

let server: ReadingServer;
let store: ReturnType<typeof memoryStore>;
let locks: BrowserLocks;
let storage: Storage;

beforeEach(() => {
  vi.useFakeTimers();
  [server, store, locks, storage] = [new ReadingServer(), memoryStore(), new BrowserLocks(), memoryStorage()];
});

afterEach(() => vi.useRealTimers());

/** A tab with an outbox; once it dies, nothing that it does or waits for has any effect any more. */
function openOutbox(options: { store?: OutboxStore; owner?: string } = {}) {
  let revision = 0;
  let isDead = false;
  const { locks: own, die: freeLocks } = locks.tab();
  const tab = openTab(storage, own);
  const alive = <A extends unknown[], R>(work: (...args: A) => Promise<R>) => {
    return async (...args: A): Promise<R> => {
      if (isDead) return never();
      const answer = await work(...args);
      return isDead ? never() : answer;
    };
  };
  const inner = options.store ?? store;
  const refusals: Refusal[] = [];
  const made: string[] = [];
  const outbox = new Outbox({
    readingId: READING,
    title: "A cine",
    owner: options.owner ?? "reader",
    tab,
    store: { put: alive(inner.put), remove: alive(inner.remove), all: alive(inner.all) },
    gateway: { appendEvent: alive(server.gateway().appendEvent) },
    hooks: {
      revision: () => revision,
      acknowledged: (_, answer) => {
        revision = Math.max(revision, answer.event.seq);
      },
      reload: alive(async () => {
        await server.onRequest("before", "reload");
        revision = server.log.length;
      }),
      refused: async (_, refusal) => void refusals.push(refusal),
      changed: () => undefined,
    },
  });
  return {
    outbox,
    tab,
    refusals,
    made,
    add: (body = ACCEPT): PendingEvent => {
      const event = outbox.add(body);
      made.push(event.clientUuid);
      return event;
    },
    die: () => {
      isDead = true;
      outbox.close();
      freeLocks();
    },
  };
}

const inLog = () => server.log.map((event) => event.client_uuid);
const saved = (outbox: Outbox) => vi.waitFor(() => expect(outbox.state).toBe("saved"));

describe("the outbox", () => {
  it("sends in order, each on the revision of the one before, and then keeps nothing", async () => {
    const { outbox, add, made, tab } = openOutbox();
    add();
    add();
    expect(outbox.state).toBe("saving");
    await saved(outbox);
    expect(server.sent.map((body) => [body.base_revision, body.writer])).toEqual([
      [0, tab.token],
      [1, tab.token],
    ]);
    expect(inLog()).toEqual(made);
    await vi.waitFor(() => expect(store.events.size).toBe(0));
  });

  it("has an event in the database before it is sent", async () => {
    const { outbox, add } = openOutbox();
    let kept = -1;
    server.onRequest = () => {
      kept = store.events.size;
    };
    add();
    await saved(outbox);
    expect(kept).toBe(1);
  });

  it("keeps what cannot be sent, says so, and sends the same event again", async () => {
    const { outbox, add } = openOutbox();
    let tries = 0;
    server.onRequest = () => {
      tries += 1;
      if (tries < 4) offline();
    };
    add();
    await vi.advanceTimersByTimeAsync(10);
    expect([outbox.state, outbox.keptCount]).toEqual(["offline", 1]);
    expect(store.events.size).toBe(1);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(outbox.state).toBe("saved");
    expect(server.log).toHaveLength(1);
  });

  it("takes an answer that was lost on the way for what it is", async () => {
    const { outbox, add, made } = openOutbox();
    server.onRequest = (moment) => {
      if (moment === "after" && server.sent.length === 1) offline();
    };
    add();
    add();
    await vi.advanceTimersByTimeAsync(5000);
    expect(outbox.state).toBe("saved");
    expect(server.sent).toHaveLength(3);
    expect(inLog()).toEqual(made);
  });

  it("loads what another tab wrote and builds on it, however often", async () => {
    const { outbox, add } = openOutbox();
    const other = { ...ACCEPT, client_uuid: "other", base_revision: 0, writer: "" };
    await server.gateway().appendEvent(other);
    add();
    await saved(outbox);
    expect(server.log.map((event) => event.seq)).toEqual([1, 2]);
  });

  it("goes on trying when somebody else writes faster than it can load", async () => {
    const { outbox, add } = openOutbox();
    server.onRequest = async (_, what) => {
      const isWriting = what === "append" && server.log.length < 20;
      if (isWriting) server.log.push({ ...(server.log[0] ?? {}), seq: server.log.length + 1 } as never);
    };
    add();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(outbox.state).toBe("saved");
    expect(server.log.filter((event) => event.client_uuid)).toHaveLength(1);
  });

  it("drops what can never be appended, with its undo, tells why, and goes on with the rest", async () => {
    const { outbox, add, refusals } = openOutbox();
    server.onRequest = (moment) => {
      const isFirst = moment === "before" && server.sent.length === 0;
      server.onRequest = () => undefined;
      if (isFirst) throw new Refusal("unknown_label", "There is no such label.", 400);
    };
    const bad = add();
    add({ kind: "undo", payload: { target_client: bad.clientUuid } });
    const good = add();
    await saved(outbox);
    expect(refusals.map((refusal) => refusal.code)).toEqual(["unknown_label"]);
    expect(inLog()).toEqual([good.clientUuid]);
  });

  it.each([
    ["not_authenticated", 401],
    ["permission_denied", 403],
    ["reading_not_found", 404],
    ["reading_not_editable", 409],
    ["not_the_writer", 409],
  ])("keeps everything on %s until it is mended", async (code, status) => {
    const { outbox, add, made } = openOutbox();
    server.onRequest = () => {
      throw new Refusal(code, "Not now.", status);
    };
    add();
    add();
    await vi.waitFor(() => expect(outbox.state).toBe("held"));
    expect(outbox.held?.code).toBe(code);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([outbox.pending.length, store.events.size, server.log.length]).toEqual([2, 2, 0]);
    server.onRequest = () => undefined;
    outbox.start();
    await saved(outbox);
    expect(inLog()).toEqual(made);
  });

  it.each([408, 429, 500, 503])("takes status %i for a server out of reach", async (status) => {
    const { outbox, add } = openOutbox();
    let calls = 0;
    server.onRequest = () => {
      calls += 1;
      if (calls === 1) throw new Refusal("trouble", "Try again.", status);
    };
    add();
    await vi.advanceTimersByTimeAsync(10);
    expect(outbox.state).toBe("offline");
    await vi.advanceTimersByTimeAsync(1000);
    expect(outbox.state).toBe("saved");
  });

  it("discards only when asked to", async () => {
    const { outbox, add } = openOutbox();
    outbox.hold(new Refusal("reading_not_found", "There is no such reading.", 404));
    add();
    await vi.advanceTimersByTimeAsync(1000);
    expect(store.events.size).toBe(1);
    await outbox.discard();
    expect([outbox.state, store.events.size]).toEqual(["saved", 0]);
  });
});

describe("a storage that is full or forbidden", () => {
  const full: OutboxStore = {
    put: async () => {
      throw new DOMException("full", "QuotaExceededError");
    },
    remove: async () => undefined,
    all: async () => [],
  };

  it("is told, and the events go out all the same", async () => {
    server.onRequest = offline;
    const { outbox, add } = openOutbox({ store: full });
    add();
    await vi.advanceTimersByTimeAsync(10);
    expect([outbox.keptCount, outbox.unkeptCount]).toEqual([0, 1]);
    server.onRequest = () => undefined;
    outbox.start();
    await saved(outbox);
    expect(outbox.unkeptCount).toBe(0);
    expect(server.log).toHaveLength(1);
  });

  it("is tried again once there may be room", async () => {
    server.onRequest = offline;
    let isFull = true;
    const { outbox, add } = openOutbox({
      store: { ...store, put: (event) => (isFull ? full.put(event) : store.put(event)) },
    });
    add();
    await vi.advanceTimersByTimeAsync(10);
    isFull = false;
    outbox.start();
    await vi.advanceTimersByTimeAsync(10);
    expect([outbox.keptCount, outbox.unkeptCount, store.events.size]).toEqual([1, 0, 1]);
  });

  it("that never answers does not keep an event from the server", async () => {
    const { outbox, add } = openOutbox({ store: { put: never, remove: never, all: async () => [] } });
    add();
    add();
    await vi.advanceTimersByTimeAsync(5000);
    expect(outbox.state).toBe("saved");
    expect(server.log).toHaveLength(2);
  });
});

describe("what a tab that is gone has left", () => {
  it("is sent by the next one, before its own", async () => {
    server.onRequest = offline;
    const before = openOutbox();
    const left = [before.add(), before.add()];
    await vi.advanceTimersByTimeAsync(10);
    before.die();
    server.onRequest = () => undefined;
    const { outbox, add } = openOutbox();
    const own = add();
    outbox.hold(new Refusal("x", "y", 404));
    await outbox.adopt();
    outbox.start();
    await saved(outbox);
    expect(inLog()).toEqual([...left.map((event) => event.clientUuid), own.clientUuid]);
  });

  it("is left alone while that tab lives, and when it is somebody else's", async () => {
    server.onRequest = offline;
    const living = openOutbox();
    living.add();
    const gone = openOutbox({ owner: "somebody else" });
    gone.add();
    await vi.advanceTimersByTimeAsync(10);
    gone.die();
    const { outbox } = openOutbox();
    await outbox.adopt();
    expect(outbox.pending).toEqual([]);
    living.die();
    await outbox.adopt();
    expect(outbox.pending).toHaveLength(1);
  });

  it("tells what its maker had seen, so that the changes of others can be told from its own", async () => {
    const before = openOutbox();
    const events = [before.add(), before.add(), before.add()];
    server.onRequest = (moment) => {
      if (moment === "before" && server.log.length === 2) offline();
    };
    await vi.advanceTimersByTimeAsync(10);
    before.die();
    const { outbox } = openOutbox();
    await outbox.adopt();
    const last = outbox.pending[0];
    expect(last?.clientUuid).toBe(events[2]?.clientUuid);
    expect(last && outbox.baseOf(last)).toBe(2);
  });
});

describe.each(Array.from({ length: 30 }, (_, seed) => seed + 1))("a bad day, seed %i", (seed) => {
  it("loses nothing, sends nothing twice, and keeps the order of each tab", async () => {
    const random = randomOf(seed);
    const fail = (): void => {
      const draw = random();
      if (draw < 0.25) offline();
      if (draw < 0.32) throw new Refusal("internal", "Something went wrong.", 500);
      if (draw < 0.36) throw new Refusal("not_authenticated", "Sign in first.", 401);
    };
    server.onRequest = async () => {
      if (random() < 0.3) await new Promise((resolve) => setTimeout(resolve, random() * 3000));
      fail();
    };
    let tabs = [openOutbox()];
    const days: { made: string[] }[] = [...tabs];
    for (let step = 0; step < 80; step++) {
      const tab = tabs[Math.floor(random() * tabs.length)];
      const draw = random();
      if (draw < 0.45) tab?.add();
      else if (draw < 0.7) await vi.advanceTimersByTimeAsync(random() * 2500);
      else if (draw < 0.8) tab?.outbox.start();
      else if (draw < 0.88 && tabs.length < 3) {
        const opened = openOutbox();
        void opened.outbox.adopt().then(() => opened.outbox.start());
        tabs.push(opened);
        days.push(opened);
      } else if (draw < 0.94 && tab) {
        // A crash at any moment: what the database had not taken yet is lost with the tab, and only that.
        await vi.advanceTimersByTimeAsync(0);
        tab.die();
        tabs = tabs.filter((other) => other !== tab);
        if (!tabs.length) {
          tabs.push(openOutbox());
          days.push(...tabs);
        }
      }
    }
    server.onRequest = () => undefined;
    // Answers that are still under way may fail; the next try, made when the connection is back, does not.
    for (let round = 0; round < 2; round++) {
      for (const tab of tabs) {
        await tab.outbox.adopt();
        tab.outbox.start();
      }
      await vi.advanceTimersByTimeAsync(60_000);
    }
    for (const tab of tabs) expect(tab.outbox.state).toBe("saved");
    expect(store.events.size).toBe(0);
    const sent = inLog();
    expect(new Set(sent).size).toBe(sent.length);
    for (const { made } of days) expect(sent.filter((event) => made.includes(event))).toEqual(made);
  });
});

it("keeps events in order even where the clock stands still", async () => {
  server.onRequest = offline;
  const { add } = openOutbox();
  const made = Array.from({ length: 5 }, () => add().clientUuid);
  await vi.advanceTimersByTimeAsync(10);
  const kept: KeptEvent[] = await store.all(READING);
  expect(kept.map((event) => event.clientUuid)).toEqual(made);
});
