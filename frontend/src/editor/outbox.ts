/**
 * Events on their way to the server, in order and one at a time. Each carries a UUID of this browser's, so that
 * sending one again is harmless; what is not acknowledged lies in the browser's storage and survives a crash.
 */

import type { PendingEvent } from "./document";
import { type Appended, type EventBody, type Gateway, Refusal } from "./types";

export type SaveState = "saved" | "saving" | "offline";

interface Hooks {
  /** The revision that the next event builds on. */
  revision(): number;
  acknowledged(event: PendingEvent, answer: Appended): void;
  /** Another tab or device has written: load what there is now. */
  reload(): Promise<void>;
  refused(event: PendingEvent, refusal: Refusal): Promise<void>;
  changed(): void;
}

export interface OutboxStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;
const STALE_TRIES = 5;

export class Outbox {
  private queue: PendingEvent[];
  private isSending = false;
  private isOffline = false;
  private isClosed = false;
  private wake: (() => void) | undefined;

  constructor(
    private readonly key: string,
    private readonly gateway: Pick<Gateway, "appendEvent">,
    private readonly hooks: Hooks,
    private readonly storage: OutboxStorage,
  ) {
    this.queue = this.restore();
  }

  get pending(): readonly PendingEvent[] {
    return this.queue;
  }

  get state(): SaveState {
    if (this.queue.length === 0) return "saved";
    return this.isOffline ? "offline" : "saving";
  }

  add(body: EventBody): PendingEvent {
    const event = { clientUuid: crypto.randomUUID(), body };
    this.queue.push(event);
    this.store();
    this.hooks.changed();
    void this.send();
    return event;
  }

  /** Begin to send what an earlier visit left behind, or try again at once after a failure. */
  start(): void {
    this.wake?.();
    void this.send();
  }

  close(): void {
    this.isClosed = true;
    this.wake?.();
  }

  private async send(): Promise<void> {
    if (this.isSending) return;
    this.isSending = true;
    let delay = FIRST_RETRY_MS;
    let stale = 0;
    while (!this.isClosed) {
      const event = this.queue[0];
      if (!event) break;
      try {
        const body = { ...event.body, client_uuid: event.clientUuid, base_revision: this.hooks.revision() };
        const answer = await this.gateway.appendEvent(body);
        this.take(event);
        this.hooks.acknowledged(event, answer);
        [this.isOffline, delay, stale] = [false, FIRST_RETRY_MS, 0];
      } catch (error) {
        if (error instanceof Refusal && error.code === "stale_revision" && stale < STALE_TRIES) {
          stale += 1;
          await this.hooks.reload().catch(() => undefined);
        } else if (
          error instanceof Refusal &&
          error.status >= 400 &&
          error.status < 500 &&
          error.status !== 429
        ) {
          this.take(event);
          await this.hooks.refused(event, error).catch(() => undefined);
        } else {
          this.isOffline = true;
          this.hooks.changed();
          await this.pause(delay);
          delay = Math.min(delay * 2, LONGEST_RETRY_MS);
        }
      }
      this.hooks.changed();
    }
    this.isSending = false;
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

  private take(event: PendingEvent): void {
    this.queue = this.queue.filter((other) => other !== event);
    this.store();
  }

  private store(): void {
    try {
      if (this.queue.length) this.storage.setItem(this.key, JSON.stringify(this.queue));
      else this.storage.removeItem(this.key);
    } catch {
      // The storage is full or forbidden: the events still go out, they only would not survive a crash.
    }
  }

  private restore(): PendingEvent[] {
    try {
      const found: unknown = JSON.parse(this.storage.getItem(this.key) ?? "[]");
      return Array.isArray(found) ? (found as PendingEvent[]) : [];
    } catch {
      return [];
    }
  }
}
