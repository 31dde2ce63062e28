import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BrowserLocks, memoryStorage } from "../testing/fakeLocks";
import { LABELS, ReadingServer, SIDE } from "../testing/readingServer";
import { Editor } from "./editor";
import { memoryStore, type OutboxStore } from "./outboxStore";
import { openTab } from "./tab";
import { Refusal, type WriterInfo } from "./types";

/** Every socket that is open; the server speaks to all of them. */
class FakeSocket {
  static open: FakeSocket[] = [];
  static readonly OPEN = 1;
  readyState = 1;
  onmessage: ((message: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  constructor(readonly url: string) {
    FakeSocket.open.push(this);
  }
  send(): void {}
  close(code = 1000): void {
    FakeSocket.open = FakeSocket.open.filter((other) => other !== this);
    this.onclose?.({ code });
  }
  static say(message: unknown): void {
    for (const socket of FakeSocket.open) socket.onmessage?.({ data: JSON.stringify(message) });
  }
}

/** One browser: its tabs share a database, locks and storage. */
class Browser {
  readonly store: OutboxStore = memoryStore();
  private readonly locks = new BrowserLocks();
  private readonly storage = memoryStorage();

  async open(): Promise<{ editor: Editor; crash: () => void }> {
    const { locks, die } = this.locks.tab();
    const tab = openTab(this.storage, locks);
    const gateway = server.gateway();
    const editor = new Editor({
      readingId: "r",
      cine: CINE,
      labels: LABELS,
      readingStatus: server.status,
      canWrite: true,
      gateway,
      owner: "reader",
      store: this.store,
      tab,
    });
    editors.push(editor);
    await editor.open();
    const crash = () => {
      gateway.releaseWriter = async () => undefined;
      editor.close();
      die();
    };
    return { editor, crash };
  }
}

const CINE = {
  id: "c",
  title: "A cine",
  patientKey: "P-1",
  modality: "XA",
  frameCount: 5,
  rows: SIDE,
  columns: SIDE,
  channels: 1,
  bitsAllocated: 8,
  window: [0, 255] as [number, number],
  windows: {},
  frameTimesMs: [0, 100, 200, 300, 400],
  frameTimeSource: "FrameTime",
  display: {},
  warnings: [],
};

let server: ReadingServer;
let editors: Editor[];

beforeEach(() => {
  vi.stubGlobal("WebSocket", FakeSocket);
  FakeSocket.open = [];
  editors = [];
  server = new ReadingServer();
  let told: WriterInfo | null = null;
  server.onRequest = (moment) => {
    if (moment !== "after" || told === server.writer) return;
    told = server.writer;
    queueMicrotask(() => FakeSocket.say({ type: "writer", writer: server.writer }));
  };
});

afterEach(() => {
  for (const editor of editors) editor.close();
});

function draw(editor: Editor, frame: number, pixel: number, label = "coronary_artery"): void {
  editor.set({ labelCode: label });
  editor.goTo(frame);
  const draft = editor.startDraft();
  draft?.bitmap.fill(0);
  if (draft) draft.bitmap[pixel] = 1;
  editor.commitDraft("brush");
}

const seen = (editor: Editor, frame: number, label = 1) => editor.document.pixels(label, frame)?.x0;
const offline = () => {
  throw new TypeError("Failed to fetch");
};
const saved = (editor: Editor) => vi.waitFor(() => expect(editor.state.save).toBe("saved"));

describe("undo", () => {
  it("shows at once what lies beneath, before anything has been answered", async () => {
    const { editor } = await new Browser().open();
    draw(editor, 1, 2);
    draw(editor, 1, 5);
    expect(server.log).toHaveLength(0);
    editor.undo();
    expect(seen(editor, 1)).toBe(2);
    editor.undo();
    expect(seen(editor, 1)).toBeUndefined();
    expect(editor.state.canUndo).toBe(false);
    editor.redo();
    editor.redo();
    expect(seen(editor, 1)).toBe(5);
    await saved(editor);
    expect(server.log.map((event) => event.kind)).toEqual(["edit", "edit", "undo", "undo", "redo", "redo"]);
    expect(seen(editor, 1)).toBe(5);
  });

  it("works offline, of what is sent and of what is not, and is sent on return", async () => {
    const { editor } = await new Browser().open();
    draw(editor, 0, 1);
    await saved(editor);
    const listen = server.onRequest;
    server.onRequest = offline;
    draw(editor, 0, 3);
    editor.undo();
    editor.undo();
    await vi.waitFor(() => expect(editor.state.save).toBe("offline"));
    expect([seen(editor, 0), editor.state.pendingCount]).toEqual([undefined, 3]);
    server.onRequest = listen;
    editor.sendOn();
    await saved(editor);
    expect(server.masks()).toEqual([]);
    expect(server.log).toHaveLength(4);
  });

  it("is still there after a reload, and brings frame and label back into view", async () => {
    const browser = new Browser();
    const before = await browser.open();
    draw(before.editor, 3, 4, "catheter");
    draw(before.editor, 1, 2);
    before.editor.accept([2, 4], true);
    await saved(before.editor);
    before.crash();
    const { editor } = await browser.open();
    editor.set({ hiddenLabels: new Set(["catheter"]) });
    expect(editor.state.undoName).toBe("acceptance, 2 frames");
    editor.undo();
    expect(editor.state.frameIndex).toBe(2);
    expect(editor.state.undoName).toBe("brush stroke, Coronary artery, frame 2");
    editor.undo();
    expect(editor.state.frameIndex).toBe(1);
    editor.undo();
    expect(editor.state).toMatchObject({ frameIndex: 3, labelCode: "catheter" });
    expect(editor.state.hiddenLabels.has("catheter")).toBe(false);
    expect([...editor.document.entries()]).toEqual([]);
    await saved(editor);
    expect(server.masks()).toEqual([]);
  });
});

describe("work that a crash left behind", () => {
  it("is shown and sent when the reading opens again", async () => {
    const browser = new Browser();
    const before = await browser.open();
    const listen = server.onRequest;
    server.onRequest = offline;
    for (let frame = 0; frame < 5; frame++) draw(before.editor, frame, frame + 1);
    await vi.waitFor(() => expect(before.editor.state.keptCount).toBe(5));
    before.crash();
    server.onRequest = listen;
    const { editor } = await browser.open();
    expect(seen(editor, 4)).toBe(5);
    expect(editor.state.otherWriter).toBeNull();
    await saved(editor);
    expect(server.masks()).toHaveLength(5);
    expect(editor.state.notice).toBeNull();
  });
});

describe("a second tab", () => {
  it("is told, looks on, takes over, and the first one can take back", async () => {
    const first = await new Browser().open();
    const second = await new Browser().open();
    draw(first.editor, 0, 1);
    await saved(first.editor);
    expect(second.editor.state).toMatchObject({ canWrite: false, wasTakenOver: false });
    expect(second.editor.state.otherWriter?.token).toBe(first.editor.writerToken);
    draw(second.editor, 0, 2);
    expect(second.editor.state.notice?.code).toBe("not_the_writer");
    await second.editor.takeOver();
    await vi.waitFor(() => expect(second.editor.state.canWrite).toBe(true));
    await vi.waitFor(() => expect(first.editor.state.otherWriter?.token).toBe(second.editor.writerToken));
    expect(first.editor.state).toMatchObject({ canWrite: false, wasTakenOver: true, canUndo: false });
    await first.editor.takeOver();
    await vi.waitFor(() =>
      expect(second.editor.state).toMatchObject({ canWrite: false, wasTakenOver: true }),
    );
    await vi.waitFor(() => expect(first.editor.state).toMatchObject({ canWrite: true, wasTakenOver: false }));
  });

  it("gets the pen by itself when the first one is left", async () => {
    const first = await new Browser().open();
    const second = await new Browser().open();
    expect(second.editor.state.canWrite).toBe(false);
    first.editor.close();
    await vi.waitFor(() => expect(second.editor.state.canWrite).toBe(true));
  });

  it("of the same browser writes at once where the first one has crashed", async () => {
    const browser = new Browser();
    const first = await browser.open();
    first.crash();
    expect(server.writer).not.toBeNull();
    const second = await browser.open();
    expect(second.editor.state.canWrite).toBe(true);
  });

  it("takes nothing away: what the first had not sent is kept, merged when taken back, and both are told", async () => {
    const first = await new Browser().open();
    const second = await new Browser().open();
    const listen = server.onRequest;
    server.onRequest = offline;
    draw(first.editor, 2, 1);
    first.editor.startDraft();
    await vi.waitFor(() => expect(first.editor.state.save).toBe("offline"));
    server.onRequest = listen;
    await second.editor.takeOver();
    await vi.waitFor(() => expect(first.editor.state.canWrite).toBe(false));
    first.editor.commitDraft("brush");
    expect(first.editor.state).toMatchObject({ save: "held", pendingCount: 2 });
    await vi.waitFor(() => expect(second.editor.state.canWrite).toBe(true));
    draw(second.editor, 2, 6);
    await saved(second.editor);
    expect(server.log).toHaveLength(1);

    await first.editor.takeOver();
    await saved(first.editor);
    expect(server.log).toHaveLength(3);
    expect(first.editor.state.notice?.code).toBe("changed_elsewhere");
    expect(first.editor.state.notice?.text).toContain("frame 3 (Coronary artery)");
    expect(seen(first.editor, 2)).toBe(1);
    first.editor.undo();
    first.editor.undo();
    expect(seen(first.editor, 2)).toBe(6);
    await saved(first.editor);
    await second.editor.reload();
    expect(seen(second.editor, 2)).toBe(6);
  });

  it("does not hide that a hint was lost: the refused event tells who writes", async () => {
    const first = await new Browser().open();
    server.writer = { token: "x.y", device: "Firefox on Windows", since: "2025-01-01T00:00:00Z" };
    draw(first.editor, 0, 1);
    await vi.waitFor(() => expect(first.editor.state.otherWriter?.device).toBe("Firefox on Windows"));
    expect(first.editor.state).toMatchObject({ canWrite: false, save: "held", pendingCount: 1 });
  });
});

it("forgets what another tab has sent in its place", async () => {
  const browser = new Browser();
  const first = await browser.open();
  const second = await browser.open();
  const listen = server.onRequest;
  server.onRequest = offline;
  draw(first.editor, 0, 1);
  await vi.waitFor(() => expect(first.editor.state.keptCount).toBe(1));
  const [kept] = await browser.store.all();
  server.onRequest = listen;
  await second.editor.takeOver();
  const numbers = {
    client_uuid: kept?.clientUuid ?? "",
    base_revision: 0,
    writer: second.editor.writerToken,
  };
  if (kept) await server.gateway().appendEvent({ ...kept.body, ...numbers });
  await vi.waitFor(() => expect(first.editor.state.pendingCount).toBe(1));
  FakeSocket.say({ type: "revision", revision: 1 });
  await vi.waitFor(() => expect(first.editor.state.pendingCount).toBe(0));
  expect(seen(first.editor, 0)).toBe(1);
  await vi.waitFor(async () => expect(await browser.store.all()).toEqual([]));
});

describe("access that ends", () => {
  it("keeps the work, says why, and goes on once it is back", async () => {
    const { editor } = await new Browser().open();
    const listen = server.onRequest;
    server.onRequest = () => {
      throw new Refusal("not_authenticated", "Sign in first.", 401);
    };
    draw(editor, 0, 1);
    await vi.waitFor(() => expect(editor.state.held?.code).toBe("not_authenticated"));
    await expect(editor.idle()).rejects.toThrow("Sign in first.");
    server.onRequest = listen;
    FakeSocket.say({ type: "hello", revision: 0 });
    await saved(editor);
    expect(editor.state.held).toBeNull();
    expect(server.log).toHaveLength(1);
  });

  it("is told when the socket is ended, though nothing is unsent", async () => {
    const { editor } = await new Browser().open();
    FakeSocket.say({ type: "error", code: "session_ended", message: "Your session has ended." });
    FakeSocket.open[0]?.close(4401);
    expect(editor.state.held).toEqual({ code: "session_ended", message: "Your session has ended." });
    // A socket may be refused where requests are not: what is drawn is sent all the same.
    draw(editor, 0, 1);
    await saved(editor);
    expect(editor.state.held).toBeNull();
  });

  it("follows a submission in another tab, and the reopening", async () => {
    const { editor } = await new Browser().open();
    FakeSocket.say({ type: "access", status: "SUBMITTED", can_write: false });
    expect(editor.state).toMatchObject({ readingStatus: "SUBMITTED", canWrite: false });
    FakeSocket.say({ type: "access", status: "REOPENED", can_write: true });
    expect(editor.state).toMatchObject({ readingStatus: "REOPENED", canWrite: true });
  });
});
