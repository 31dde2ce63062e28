/** The locks and the storage of a browser, shared by its tabs, each of which can crash. */

export type Locks = Pick<LockManager, "request" | "query">;

interface Held {
  tab: object;
  free: () => void;
  freed: Promise<void>;
}

export class BrowserLocks {
  private readonly held = new Map<string, Held>();

  /** The locks as one tab sees them; when it dies, they are free. */
  tab(): { locks: Locks; die: () => void } {
    const tab = {};
    const request = async (name: string, work: () => Promise<unknown>) => {
      for (let other = this.held.get(name); other; other = this.held.get(name)) await other.freed;
      let resolve = () => {};
      const freed = new Promise<void>((done) => {
        resolve = done;
      });
      const lock = { tab, freed, free: () => this.free(name, lock, resolve) };
      this.held.set(name, lock);
      try {
        return await work();
      } finally {
        lock.free();
      }
    };
    const query = async () => ({ held: [...this.held.keys()].map((name) => ({ name })), pending: [] });
    return {
      locks: { request, query } as unknown as Locks,
      die: () => {
        for (const lock of [...this.held.values()]) if (lock.tab === tab) lock.free();
      },
    };
  }

  private free(name: string, lock: Held, resolve: () => void): void {
    if (this.held.get(name) === lock) this.held.delete(name);
    resolve();
  }
}

export function memoryStorage(): Storage {
  const items = new Map<string, string>();
  return {
    get length() {
      return items.size;
    },
    key: (place) => [...items.keys()][place] ?? null,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
    clear: () => items.clear(),
  };
}
