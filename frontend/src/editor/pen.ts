/** Which tab writes this reading: asks for the pen, hears who has it, takes it over, and lays it down. */

import type { Tab } from "./tab";
import type { Gateway, WriterInfo } from "./types";

const CLAIM_MS = 20_000;

export class Pen {
  /** The other tab that writes, or null while this one may. */
  other: WriterInfo | null = null;
  private timer: ReturnType<typeof setInterval> | undefined;
  private isClosed = false;

  get token(): string {
    return this.tab.token;
  }

  constructor(
    private readonly tab: Tab,
    private readonly gateway: Pick<Gateway, "claimWriter" | "releaseWriter">,
    private readonly changed: () => void,
  ) {}

  /** Ask now, and again and again: that keeps the pen, and gets it when the other tab has gone. */
  async open(): Promise<void> {
    if (this.timer) return;
    this.timer = setInterval(() => void this.claim(), CLAIM_MS);
    await this.claim();
  }

  close(): void {
    clearInterval(this.timer);
    if (this.timer && !this.isClosed) this.layDown();
    this.isClosed = true;
  }

  /** Let another tab write without waiting, since this one is being left. */
  layDown(): void {
    if (!this.other) void this.gateway.releaseWriter(this.tab.token).catch(() => undefined);
  }

  /** Ask to write. A server out of reach changes nothing: it is going to decide when the events arrive. */
  async claim(): Promise<void> {
    try {
      await this.take(false);
    } catch {
      // Asked again soon.
    }
  }

  /** Take over from whoever writes. */
  async takeOver(): Promise<void> {
    await this.take(true);
  }

  /** The server says who writes; nobody, if null. */
  receive(writer: WriterInfo | null): void {
    if (!writer) void this.claim();
    else this.note(writer);
  }

  private async take(isForced: boolean): Promise<void> {
    const { writer, yours } = await this.gateway.claimWriter(this.tab.token, isForced);
    if (this.isClosed) return;
    // A tab of this browser that crashed cannot lay the pen down itself.
    if (!yours && !isForced && (await this.tab.lives(writer.token)) === false) return this.take(true);
    this.note(writer);
  }

  private note(writer: WriterInfo): void {
    if (this.isClosed) return;
    const other = writer.token === this.tab.token ? null : writer;
    const isSame = other?.token === this.other?.token;
    this.other = other;
    if (!isSame) this.changed();
  }
}
