import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { memoryStorage } from "../testing/fakeLocks";
import { indexedStore, type KeptEvent } from "./outboxStore";
import { type EventBody, editsOf } from "./types";

const BODY: EventBody = { kind: "accept", payload: { frame_indices: [0], accepted: true } };

function event(clientUuid: string, readingId: string, at: number): KeptEvent {
  return { clientUuid, readingId, at, body: BODY, base: 3, title: "A cine", owner: "reader", writer: "tab" };
}

beforeEach(() => vi.stubGlobal("indexedDB", new IDBFactory()));

describe("the browser's database", () => {
  it("outlives the page, and gives events back in their order, of one reading or of all", async () => {
    const before = indexedStore();
    await before.put(event("b", "one", 2));
    await before.put(event("a", "one", 1));
    await before.put(event("c", "two", 0));
    const after = indexedStore();
    expect(await after.all("one")).toEqual([event("a", "one", 1), event("b", "one", 2)]);
    expect((await after.all()).map((kept) => kept.clientUuid)).toEqual(["c", "a", "b"]);
  });

  it("holds an event once, as it was put last, until it is removed", async () => {
    const store = indexedStore();
    await store.put(event("a", "one", 1));
    await store.put({ ...event("a", "one", 1), base: 9 });
    expect(await store.all()).toEqual([{ ...event("a", "one", 1), base: 9 }]);
    await store.remove("a");
    await store.remove("never there");
    expect(await store.all()).toEqual([]);
  });

  it("holds more than a local storage could", async () => {
    const store = indexedStore();
    const mask = "A".repeat(64_000);
    const body: EventBody = { kind: "edit", payload: { frame_index: 0, label: "l", mask, tool: "brush" } };
    for (let at = 0; at < 120; at++) await store.put({ ...event(`e${at}`, "one", at), body });
    const kept = await indexedStore().all("one");
    expect(kept).toHaveLength(120);
    expect(kept.every((one) => one.body.kind === "edit" && editsOf(one.body.payload)[0]?.mask === mask)).toBe(
      true,
    );
  });

  it("says so when it is forbidden, and works again when it is not", async () => {
    const factory = new IDBFactory();
    vi.stubGlobal("indexedDB", {
      open: () => {
        throw new DOMException("forbidden", "SecurityError");
      },
    });
    const store = indexedStore();
    await expect(store.put(event("a", "one", 1))).rejects.toThrow();
    vi.stubGlobal("indexedDB", factory);
    await store.put(event("a", "one", 1));
    expect(await store.all()).toHaveLength(1);
  });
});

describe("what an earlier version kept in local storage", () => {
  it("is moved over once, in its order", async () => {
    const old = memoryStorage();
    const events = ["z", "a", "m"].map((clientUuid) => ({ clientUuid, body: BODY }));
    old.setItem("cineloop.outbox.one", JSON.stringify(events));
    old.setItem("something.else", "[1]");
    const kept = await indexedStore(old).all("one");
    expect(kept.map((one) => one.clientUuid)).toEqual(["z", "a", "m"]);
    expect(kept[0]?.body).toEqual(BODY);
    expect(old.getItem("cineloop.outbox.one")).toBeNull();
    expect(old.getItem("something.else")).toBe("[1]");
    expect(await indexedStore(old).all()).toHaveLength(3);
  });

  it.each(["{not json", "7", '[null, {"clientUuid": 1}, {"clientUuid": "x"}]'])(
    "is left out where it makes no sense: %s",
    async (text) => {
      const old = memoryStorage();
      old.setItem("cineloop.outbox.one", text);
      expect(await indexedStore(old).all()).toEqual([]);
    },
  );
});
