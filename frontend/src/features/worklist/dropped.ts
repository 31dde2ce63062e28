/** The files of a drop, with those in dropped folders. */

interface Entry {
  isFile: boolean;
  isDirectory: boolean;
  fullPath: string;
}
interface FileEntry extends Entry {
  file(done: (file: File) => void, failed: (error: unknown) => void): void;
}
interface DirectoryEntry extends Entry {
  createReader(): { readEntries(done: (entries: Entry[]) => void, failed: (error: unknown) => void): void };
}

async function walk(entry: Entry): Promise<File[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((done, failed) => (entry as FileEntry).file(done, failed));
    return [new File([file], entry.fullPath.replace(/^\//, ""), { type: file.type })];
  }
  const reader = (entry as DirectoryEntry).createReader();
  const found: File[] = [];
  // A reader gives at most a hundred entries at a time, and an empty list at the end.
  for (;;) {
    const entries = await new Promise<Entry[]>((done, failed) => reader.readEntries(done, failed));
    if (!entries.length) return found;
    for (const inner of entries) found.push(...(await walk(inner)));
  }
}

export async function filesOf(transfer: DataTransfer): Promise<File[]> {
  const plain = [...transfer.files];
  const entries = [...transfer.items]
    .map((item) => (item.webkitGetAsEntry?.() ?? null) as Entry | null)
    .filter((entry): entry is Entry => entry !== null);
  if (!entries.some((entry) => entry.isDirectory)) return plain;
  const nested = await Promise.all(entries.map(walk));
  return nested.flat().filter((file) => !file.name.split("/").some((part) => part.startsWith(".")));
}
