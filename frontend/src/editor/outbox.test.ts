import { describe, expect, it, vi } from "vitest";
import { Outbox, type OutboxStorage } from "./outbox";
import { type Appended, type EventBody, Refusal } from "./types";

const ACCEPT: EventBody = { kind: "accept", payload: { frame_indices: [0], accepted: true } };
type Sent = EventBody & { client_uuid: string; base_revision: number };

function memory(): OutboxStorage & { items: Map<string, string> } {
  const items = new Map<string, string>();
  return {
    items,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}

function setUp(answer: (sent: Sent, call: number) => Promise<Appended>, storage = memory()) {
  let revision = 0;
  const sent: Sent[] = [];
  const refusals: Refusal[] = [];
  const reload = vi.fn(async () => {
    revision = 7;
  });
  const outbox = new Outbox(
    "key",
    {
      appendEvent: (body) => {
        sent.push(body);
        return answer(body, sent.length);
      },
    },
    {
      revision: () => revision,
      acknowledged: (_, found) => {
        revision = found.revision;
      },
      reload,
      refused: async (_, refusal) => void refusals.push(refusal),
      changed: () => undefined,
    },
    storage,
  );
  return { outbox, sent, refusals, reload, storage };
}

function appended(sent: Sent): Appended {
  const seq = sent.base_revision + 1;
  const event = {
    id: `e${seq}`,
    seq,
    client_uuid: sent.client_uuid,
    kind: sent.kind,
    payload: {},
    target: null,
    undone: false,
  };
  return { event, revision: seq, masks: [], job: null };
}

describe("the outbox", () => {
  it("sends in order, each on the revision of the one before, and then holds nothing", async () => {
    const { outbox, sent, storage } = setUp(async (body) => appended(body));
    outbox.add(ACCEPT);
    outbox.add(ACCEPT);
    expect(outbox.state).toBe("saving");
    await vi.waitFor(() => expect(outbox.state).toBe("saved"));
    expect(sent.map((body) => body.base_revision)).toEqual([0, 1]);
    expect(storage.items.size).toBe(0);
  });

  it("keeps what cannot be sent, says so, and sends the same event again", async () => {
    vi.useFakeTimers();
    const { outbox, sent, storage } = setUp(async (body, call) => {
      if (call < 3) throw new TypeError("Failed to fetch");
      return appended(body);
    });
    outbox.add(ACCEPT);
    await vi.advanceTimersByTimeAsync(10);
    expect(outbox.state).toBe("offline");
    expect(storage.items.get("key")).toContain(sent[0]?.client_uuid);
    await vi.advanceTimersByTimeAsync(5000);
    expect(outbox.state).toBe("saved");
    expect(new Set(sent.map((body) => body.client_uuid)).size).toBe(1);
    vi.useRealTimers();
  });

  it("sends after a crash what the earlier visit left behind", async () => {
    const storage = memory();
    const before = setUp(() => new Promise(() => undefined), storage);
    const left = before.outbox.add(ACCEPT);
    const { outbox, sent } = setUp(async (body) => appended(body), storage);
    expect(outbox.pending).toHaveLength(1);
    outbox.start();
    await vi.waitFor(() => expect(outbox.state).toBe("saved"));
    expect(sent[0]?.client_uuid).toBe(left.clientUuid);
  });

  it("loads what another tab wrote and builds on it", async () => {
    const { outbox, sent, reload } = setUp(async (body, call) => {
      if (call === 1) throw new Refusal("stale_revision", "The reading has changed.", 409);
      return appended(body);
    });
    outbox.add(ACCEPT);
    await vi.waitFor(() => expect(outbox.state).toBe("saved"));
    expect(reload).toHaveBeenCalledOnce();
    expect(sent.map((body) => body.base_revision)).toEqual([0, 7]);
  });

  it("drops what is refused, tells why, and goes on with the rest", async () => {
    const { outbox, sent, refusals } = setUp(async (body, call) => {
      if (call === 1) throw new Refusal("unknown_label", "There is no such label.", 400);
      return appended(body);
    });
    outbox.add(ACCEPT);
    outbox.add(ACCEPT);
    await vi.waitFor(() => expect(outbox.state).toBe("saved"));
    expect(refusals.map((refusal) => refusal.code)).toEqual(["unknown_label"]);
    expect(sent).toHaveLength(2);
  });

  it("starts empty from a storage that makes no sense", () => {
    const storage = memory();
    storage.setItem("key", "{not json");
    expect(setUp(async (body) => appended(body), storage).outbox.pending).toEqual([]);
  });
});
