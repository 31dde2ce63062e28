/** The reader's keys on their account: found again at another computer; what the browser holds is the copy for offline. */

import { type Keymap, KeymapError } from "./keymap";
import { Refusal } from "./types";

/** How the account is reached; any failure that is no Refusal counts as "not reached". */
export interface AccountKeys {
  get(): Promise<{ value: unknown; changed_at: string | null }>;
  put(value: unknown, changedAt: string): Promise<unknown>;
}

export class KeymapAccount {
  private last: Promise<void> = Promise.resolve();
  private readonly forget: () => void;

  constructor(
    private readonly keymap: Keymap,
    private readonly account: AccountKeys,
    private readonly notify: (code: string, text: string) => void,
  ) {
    this.forget = keymap.onKept(() => this.soon(() => this.send()));
  }

  close(): void {
    this.forget();
  }

  /** Take over the newer of both; out of reach, the browser's copy stands. */
  open(): Promise<void> {
    return this.soon(() => this.meet());
  }

  /** One after the other, so that a later choice is never covered by an earlier one. */
  private soon(work: () => Promise<void>): Promise<void> {
    this.last = this.last.then(work).catch(() => undefined);
    return this.last;
  }

  private async meet(): Promise<void> {
    const { value, changed_at } = await this.account.get();
    const there = changed_at === null ? 0 : Date.parse(changed_at);
    const here = this.keymap.changedAt;
    if (there > here) this.take(value, there);
    else if (here > there) await this.send();
  }

  private async send(): Promise<void> {
    const { changedAt } = this.keymap;
    try {
      await this.account.put(JSON.parse(this.keymap.export()), new Date(changedAt).toISOString());
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.code === "newer_preference") await this.meetNewer();
      else this.notify(error.code, `Your keys could not be kept on your account. ${error.message}`);
    }
  }

  private async meetNewer(): Promise<void> {
    const { value, changed_at } = await this.account.get();
    if (changed_at !== null) this.take(value, Date.parse(changed_at));
  }

  private take(value: unknown, changedAt: number): void {
    try {
      this.keymap.adopt(JSON.stringify(value), changedAt);
    } catch (error) {
      if (!(error instanceof KeymapError)) throw error;
      this.notify(
        error.code,
        `The keys on your account cannot be used, so the default keys stand. ${error.message}`,
      );
    }
  }
}
