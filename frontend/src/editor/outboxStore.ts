/** Where unsent events lie until the server has them: the browser's database, which outlives a crash. */

import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { PendingEvent } from "./document";

export interface KeptEvent extends PendingEvent {
  readingId: string;
  /** Title of the cine, for the list of what is unsent. */
  title: string;
  /** User name of the reader; others who use this browser neither see nor send it. Empty where it is not known. */
  owner: string;
  /** The tab that made it. */
  writer: string;
  /** Grows from event to event of a tab; events are sent in this order. */
  at: number;
}

export interface OutboxStore {
  put(event: KeptEvent): Promise<void>;
  remove(clientUuid: string): Promise<void>;
  /** Everything unsent, of all readings or of one, in order. */
  all(readingId?: string): Promise<KeptEvent[]>;
}

interface Schema extends DBSchema {
  events: { key: string; value: KeptEvent; indexes: { readingId: string } };
}

const NAME = "cineloop.outbox";
/** What an earlier version kept: one JSON list for each reading. */
const OLD_KEY = "cineloop.outbox.";

type OldStorage = Pick<Storage, "getItem" | "removeItem" | "key" | "length">;

export function indexedStore(old?: OldStorage): OutboxStore {
  let opening: Promise<IDBPDatabase<Schema>> | undefined;
  const database = () => {
    opening ??= open(old, () => {
      opening = undefined;
    });
    // A database that could not be opened may open the next time.
    opening.catch(() => {
      opening = undefined;
    });
    return opening;
  };
  return {
    async put(event) {
      const tx = (await database()).transaction("events", "readwrite", { durability: "strict" });
      await Promise.all([tx.store.put(event), tx.done]);
    },
    async remove(clientUuid) {
      await (await database()).delete("events", clientUuid);
    },
    async all(readingId) {
      const found =
        readingId === undefined
          ? await (await database()).getAll("events")
          : await (await database()).getAllFromIndex("events", "readingId", readingId);
      return found.sort((a, b) => a.at - b.at);
    },
  };
}

async function open(old: OldStorage | undefined, onClosed: () => void): Promise<IDBPDatabase<Schema>> {
  const database = await openDB<Schema>(NAME, 1, {
    upgrade(made) {
      made.createObjectStore("events", { keyPath: "clientUuid" }).createIndex("readingId", "readingId");
    },
    // A newer version of the program in another tab must not wait for this one.
    blocking() {
      database.close();
      onClosed();
    },
    terminated: onClosed,
  });
  if (old) await moveOld(old, database);
  return database;
}

/** Take over what an earlier version kept in local storage; it is removed there only once it is safe here. */
async function moveOld(old: OldStorage, database: IDBPDatabase<Schema>): Promise<void> {
  const keys = Array.from({ length: old.length }, (_, place) => old.key(place) ?? "");
  for (const key of keys.filter((name) => name.startsWith(OLD_KEY))) {
    const readingId = key.slice(OLD_KEY.length);
    const tx = database.transaction("events", "readwrite", { durability: "strict" });
    oldEvents(old.getItem(key)).forEach(({ clientUuid, body }, place) => {
      void tx.store.put({
        clientUuid,
        body,
        base: Number.MAX_SAFE_INTEGER,
        readingId,
        title: "",
        owner: "",
        writer: "",
        at: place,
      });
    });
    await tx.done;
    old.removeItem(key);
  }
}

function oldEvents(text: string | null): Pick<PendingEvent, "clientUuid" | "body">[] {
  try {
    const found: unknown = JSON.parse(text ?? "[]");
    if (!Array.isArray(found)) return [];
    return found.filter(
      (event) => typeof event?.clientUuid === "string" && typeof event?.body?.kind === "string",
    );
  } catch {
    return [];
  }
}

/** Keeps events as long as the page lives: for tests, and where nothing else is wanted. */
export function memoryStore(): OutboxStore & { events: Map<string, KeptEvent> } {
  const events = new Map<string, KeptEvent>();
  return {
    events,
    put: async (event) => void events.set(event.clientUuid, event),
    remove: async (clientUuid) => void events.delete(clientUuid),
    all: async (readingId) =>
      [...events.values()]
        .filter((event) => readingId === undefined || event.readingId === readingId)
        .sort((a, b) => a.at - b.at),
  };
}
