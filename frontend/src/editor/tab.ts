/** Which tab of which browser this is, and which tabs of this browser still live. */

/** As `crypto.randomUUID`, which browsers offer on secure origins only. */
export function randomUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const text = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join(
    "-",
  );
}

export interface Tab {
  /** Names this tab to the server and to the other tabs. */
  readonly token: string;
  isOfThisBrowser(token: string): boolean;
  /** Whether a tab of this browser still lives; null where that cannot be told. */
  lives(token: string): Promise<boolean | null>;
  /** Run something while no other tab of this browser runs anything under the same name. */
  alone<T>(name: string, work: () => Promise<T>): Promise<T>;
  close(): void;
}

type Locks = Pick<LockManager, "request" | "query">;

const BROWSER_KEY = "cineloop.browser";
const LOCK = "cineloop.tab.";

/** Browsers drop the locks of a tab that closes or crashes, which is how the others learn that it is gone. */
export function openTab(storage?: Pick<Storage, "getItem" | "setItem">, locks?: Locks): Tab {
  const browser = browserId(storage);
  const token = `${browser}.${randomUuid()}`;
  let close = () => {};
  const closed = new Promise<void>((resolve) => {
    close = resolve;
  });
  void locks?.request(LOCK + token, () => closed).catch(() => undefined);
  const isOfThisBrowser = (other: string) => other.startsWith(`${browser}.`);
  return {
    token,
    isOfThisBrowser,
    async lives(other) {
      if (!locks || !isOfThisBrowser(other)) return null;
      const found = await locks.query().catch(() => null);
      if (!found) return null;
      return [...(found.held ?? []), ...(found.pending ?? [])].some((lock) => lock.name === LOCK + other);
    },
    alone: async <T>(name: string, work: () => Promise<T>) => {
      return locks ? ((await locks.request(name, work)) as T) : work();
    },
    close,
  };
}

function browserId(storage?: Pick<Storage, "getItem" | "setItem">): string {
  const made = randomUuid();
  try {
    const known = storage?.getItem(BROWSER_KEY);
    if (known) return known;
    storage?.setItem(BROWSER_KEY, made);
  } catch {
    // Storage is forbidden: this tab then counts as a browser of its own.
  }
  return made;
}
