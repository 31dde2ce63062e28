/** The reading's WebSocket: hints come in, and after every gap the truth is fetched. */

import { type JobInfo, type Presence, Refusal, type Scored, type WriterInfo } from "./types";

interface Hooks {
  mask(data: Uint8Array): void;
  job(job: JobInfo, scored?: Scored): void;
  revision(revision: number): void;
  presence(readers: Presence[]): void;
  /** Another tab has begun to write, or, null, nobody does any more. */
  writer(writer: WriterInfo | null): void;
  access(status: string, canWrite: boolean): void;
  /** The server has ended the connection for good and said why. */
  ended(reason: Refusal): void;
  /** Open or closed; after a gap `again` is true and what was missed has to be fetched. */
  opened(again: boolean): void;
  closed(): void;
}

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
const PING_MS = 20_000;
/** Close codes from here on are the server's own: the session, the order or the reading is gone. */
const FIRST_OWN_CODE = 4400;

export class ReadingSocket {
  private socket: WebSocket | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private ping: ReturnType<typeof setInterval> | undefined;
  private delay = FIRST_RETRY_MS;
  private wasOpen = false;
  private isClosed = false;
  private complaint: { code: string; message: string } | undefined;

  constructor(
    private readonly url: string,
    private readonly hooks: Hooks,
  ) {}

  get isOpen(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  open(): void {
    if (this.isClosed) return;
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onmessage = (message) => this.receive(message.data);
    socket.onclose = (event) => {
      clearInterval(this.ping);
      if (this.isClosed) return;
      this.hooks.closed();
      if (event?.code >= FIRST_OWN_CODE) {
        const { code, message } = this.complaint ?? { code: "ended", message: "The connection was ended." };
        this.hooks.ended(new Refusal(code, message, event.code - 4000));
        this.delay = LONGEST_RETRY_MS;
      }
      this.timer = setTimeout(() => this.retry(), this.delay);
      this.delay = Math.min(this.delay * 2, LONGEST_RETRY_MS);
    };
    this.ping = setInterval(() => {
      if (socket.readyState === WebSocket.OPEN) socket.send('{"type":"ping"}');
    }, PING_MS);
  }

  /** Try to connect at once rather than later. */
  retry(): void {
    if (this.isClosed || !this.timer) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.open();
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
    clearInterval(this.ping);
    this.socket?.close();
  }

  private receive(data: unknown): void {
    if (data instanceof ArrayBuffer) {
      this.hooks.mask(new Uint8Array(data));
      return;
    }
    const message = JSON.parse(String(data)) as { type: string } & Record<string, unknown>;
    switch (message.type) {
      case "hello":
        this.delay = FIRST_RETRY_MS;
        this.hooks.opened(this.wasOpen);
        this.wasOpen = true;
        this.hooks.revision(Number(message.revision));
        break;
      case "job":
        this.hooks.job(message.job as JobInfo, message.scored as Scored | undefined);
        break;
      case "revision":
        this.hooks.revision(Number(message.revision));
        break;
      case "presence":
        this.hooks.presence(message.readers as Presence[]);
        break;
      case "writer":
        this.hooks.writer(message.writer as WriterInfo | null);
        break;
      case "access":
        this.hooks.access(String(message.status), Boolean(message.can_write));
        break;
      case "error":
        this.complaint = { code: String(message.code), message: String(message.message) };
        break;
    }
  }
}
