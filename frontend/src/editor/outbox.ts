/**
 * Events on their way to the server, in order and one at a time.
 *
 * Each carries a UUID of this browser's, so that sending one again is harmless. It lies in the browser's database from
 * before it counts as kept until the server has acknowledged it, and so survives a crash; the next tab that opens the
 * reading sends what a tab that is gone has left.
 */

import type { PendingEvent } from "./document";
import type { KeptEvent, OutboxStore } from "./outboxStore";
import { randomUuid, type Tab } from "./tab";
import { type Appended, type EventBody, type Gateway, Refusal } from "./types";

export type SaveState = "saved" | "saving" | "offline" | "held";

interface Hooks {
  /** The revision that the next event builds on. */
  revision(): number;
  acknowledged(event: PendingEvent, answer: Appended): void;
  /** Another tab or device has written: load what there is now. */
  reload(): Promise<void>;
  /** The event can never be appended and has been dropped. */
  refused(event: PendingEvent, refusal: Refusal): Promise<void>;
  changed(): void;
}

interface Setup {
  readingId: string;
  title: string;
  owner: string;
  tab: Tab;
  store: OutboxStore;
  gateway: Pick<Gateway, "appendEvent">;
  hooks: Hooks;
}

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;
const STALE_TRIES = 5;
/** How long an event waits for a database that does not answer before it is sent all the same. */
const KEEP_PATIENCE_MS = 500;

export class Outbox {
  /** Why nothing is sent, though the server can be reached: to be mended by the reader. */
  held: Refusal | null = null;
  private queue: KeptEvent[] = [];
  private readonly kept = new Set<string>();
  private readonly unkept = new Set<string>();
  private readonly keeping = new Map<string, Promise<void>>();
  private last = 0;
  private isSending = false;
  private isOffline = false;
  private isClosed = false;
  private wake: (() => void) | undefined;

  constructor(private readonly setup: Setup) {}

  get pending(): readonly PendingEvent[] {
    return this.queue;
  }

  get state(): SaveState {
    if (this.queue.length === 0) return "saved";
    if (this.held) return "held";
    return this.isOffline ? "offline" : "saving";
  }

  /** How many unsent events lie safely in the browser. */
  get keptCount(): number {
    return this.queue.filter((event) => this.kept.has(event.clientUuid)).length;
  }

  /** How many unsent events would not survive a crash, because the browser cannot keep them. */
  get unkeptCount(): number {
    return this.unkept.size;
  }

  /** Take over what tabs that are gone have left unsent. */
  async adopt(): Promise<void> {
    const { store, readingId, owner, tab } = this.setup;
    const found: KeptEvent[] = [];
    for (const event of await store.all(readingId)) {
      if (event.owner && event.owner !== owner) continue;
      // Where nobody can tell which tabs live, an event may be sent by two of them, which does no harm.
      if (event.writer !== tab.token && (await tab.lives(event.writer))) continue;
      found.push(event);
    }
    const waiting = new Set(this.queue.map((event) => event.clientUuid));
    const left = found.filter((event) => !waiting.has(event.clientUuid));
    if (this.isClosed || left.length === 0) return;
    for (const event of left) this.kept.add(event.clientUuid);
    this.queue = [...left, ...this.queue];
    this.setup.hooks.changed();
  }

  add(body: EventBody): PendingEvent {
    const { readingId, title, owner, tab } = this.setup;
    this.last = Math.max(Date.now(), this.last + 1);
    const event: KeptEvent = {
      clientUuid: randomUuid(),
      body,
      base: this.setup.hooks.revision(),
      readingId,
      title,
      owner,
      writer: tab.token,
      at: this.last,
    };
    this.queue.push(event);
    this.keep(event);
    this.setup.hooks.changed();
    void this.send();
    return event;
  }

  /** Begin to send what an earlier visit left behind, or try again at once after a failure. */
  start(): void {
    this.held = null;
    for (const event of this.queue) if (this.unkept.has(event.clientUuid)) this.keep(event);
    this.wake?.();
    void this.send();
  }

  /** Send nothing until `start`, for instance because another tab writes. */
  hold(reason: Refusal): void {
    this.held = reason;
    this.wake?.();
    this.setup.hooks.changed();
  }

  /** Forget what the server turns out to have, for instance because another tab has sent it. */
  forget(isKnown: (clientUuid: string) => boolean): void {
    for (const event of [...this.queue]) if (isKnown(event.clientUuid)) void this.take(event);
  }

  /** Give up what is unsent. */
  async discard(): Promise<void> {
    for (const event of [...this.queue]) await this.take(event);
    this.held = null;
    this.setup.hooks.changed();
  }

  close(): void {
    this.isClosed = true;
    this.wake?.();
  }

  /** The revision that the maker of an unsent event had seen, what it sent itself counted in. */
  baseOf(event: PendingEvent): number {
    let base = 0;
    for (const other of this.queue) {
      base = Math.max(base, other.base);
      if (other.clientUuid === event.clientUuid) break;
    }
    return base;
  }

  private keep(event: KeptEvent): void {
    const kept = this.setup.store.put(event).then(
      () => {
        this.unkept.delete(event.clientUuid);
        if (this.queue.includes(event)) this.kept.add(event.clientUuid);
      },
      // The storage is full or forbidden: the event still goes out, it only would not survive a crash.
      () => {
        if (this.queue.includes(event)) this.unkept.add(event.clientUuid);
      },
    );
    const settled = kept.then(() => this.setup.hooks.changed());
    this.keeping.set(event.clientUuid, settled);
  }

  private async send(): Promise<void> {
    if (this.isSending) return;
    this.isSending = true;
    try {
      await this.sendAll();
    } finally {
      this.isSending = false;
    }
  }

  private async sendAll(): Promise<void> {
    let delay = FIRST_RETRY_MS;
    let stale = 0;
    while (!this.isClosed && !this.held) {
      const event = this.queue[0];
      if (!event) break;
      await Promise.race([this.keeping.get(event.clientUuid), sleep(KEEP_PATIENCE_MS)]);
      if (this.isClosed || this.held) break;
      const verdict = await this.setup.tab.alone(`cineloop.outbox.${this.setup.readingId}`, () =>
        this.sendOne(event),
      );
      if (verdict === "done") [this.isOffline, delay, stale] = [false, FIRST_RETRY_MS, 0];
      const isReloaded = verdict === "stale" && stale < STALE_TRIES && (await this.reloaded());
      if (isReloaded) stale += 1;
      else if (verdict === "stale" || verdict === "unreached") {
        [this.isOffline, stale] = [true, 0];
        this.setup.hooks.changed();
        await this.pause(delay);
        delay = Math.min(delay * 2, LONGEST_RETRY_MS);
      }
      this.setup.hooks.changed();
    }
  }

  private async sendOne(event: KeptEvent): Promise<"done" | "stale" | "held" | "unreached"> {
    const { gateway, hooks, tab } = this.setup;
    if (!this.queue.includes(event) || this.isClosed) return "done";
    const numbers = { client_uuid: event.clientUuid, base_revision: hooks.revision(), writer: tab.token };
    let answer: Appended;
    try {
      answer = await gateway.appendEvent({ ...event.body, ...numbers });
    } catch (error) {
      if (!(error instanceof Refusal) || !isFinal(error)) return "unreached";
      if (error.code === "stale_revision") return "stale";
      if (isMendable(error)) {
        this.hold(error);
        return "held";
      }
      await this.drop(event);
      await hooks.refused(event, error).catch(() => undefined);
      return "done";
    }
    const removed = this.take(event);
    this.rebase(answer.event.seq);
    hooks.acknowledged(event, answer);
    await removed;
    return "done";
  }

  private async reloaded(): Promise<boolean> {
    return this.setup.hooks.reload().then(
      () => true,
      () => false,
    );
  }

  /** Forget a refused event, and what would have undone or redone it. */
  private async drop(event: KeptEvent): Promise<void> {
    for (const other of [...this.queue]) {
      const target = (other.body.payload as { target_client?: string }).target_client;
      if (other === event || target === event.clientUuid) await this.take(other);
    }
  }

  /** Note with the next event what its maker has seen by now: that is how changes of others are told from its own. */
  private rebase(seq: number): void {
    const next = this.queue[0];
    if (!next || next.base >= seq) return;
    next.base = seq;
    this.keep(next);
  }

  private async take(event: KeptEvent): Promise<void> {
    this.queue = this.queue.filter((other) => other !== event);
    this.kept.delete(event.clientUuid);
    this.unkept.delete(event.clientUuid);
    this.keeping.delete(event.clientUuid);
    // Left behind, it is only sent again one day, and the server knows it then.
    await Promise.race([
      this.setup.store.remove(event.clientUuid).catch(() => undefined),
      sleep(KEEP_PATIENCE_MS),
    ]);
  }

  private pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Whether the server has looked at the event and said no, rather than being busy or broken. */
function isFinal({ status }: Refusal): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

/** Refusals that have nothing to do with the event itself: it is kept until the reader has mended them. */
function isMendable({ status, code }: Refusal): boolean {
  return [401, 403, 404].includes(status) || code === "not_the_writer" || code === "reading_not_editable";
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
