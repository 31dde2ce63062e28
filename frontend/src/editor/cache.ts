/** What can be computed again, kept within a limit of bytes: what was used longest ago goes first. */

export class ByteCache<Key, Value> {
  private readonly entries = new Map<Key, { value: Value; bytes: number }>();
  private held = 0;

  constructor(readonly limitBytes: number) {}

  get size(): number {
    return this.entries.size;
  }

  get heldBytes(): number {
    return this.held;
  }

  get(key: Key): Value | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry.value;
  }

  set(key: Key, value: Value, bytes: number): void {
    this.delete(key);
    this.entries.set(key, { value, bytes });
    this.held += bytes;
    for (const oldest of this.entries.keys()) {
      // The newest stays even where it alone is beyond the limit: it is about to be drawn.
      if (this.held <= this.limitBytes || oldest === key) break;
      this.delete(oldest);
    }
  }

  delete(key: Key): void {
    this.held -= this.entries.get(key)?.bytes ?? 0;
    this.entries.delete(key);
  }

  clear(): void {
    this.entries.clear();
    this.held = 0;
  }
}
