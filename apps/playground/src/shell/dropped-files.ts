/** Files that were dropped on the page. */
export interface DroppedFiles {
  readonly files: readonly File[];
  /** The folder that they were dropped in; empty where they came alone. */
  readonly folder: string;
}

/** The files of a drop, those in a dropped folder included; not those in folders within it. */
export async function droppedFiles(transfer: DataTransfer): Promise<DroppedFiles> {
  // Entries are there only until the event is over.
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry?.() ?? undefined);
  const files = Array.from(transfer.files);
  const folder = entries.find((entry) => entry?.isDirectory) as FileSystemDirectoryEntry | undefined;
  if (folder === undefined) {
    return { files, folder: "" };
  }
  const inside = (await readFolder(folder)).filter((entry) => entry.isFile) as FileSystemFileEntry[];
  const read = inside.map((entry) => new Promise<File>((resolve, reject) => entry.file(resolve, reject)));
  return { files: await Promise.all(read), folder: folder.name };
}

/** All entries of a folder, which a reader gives in parts, the last one empty. */
async function readFolder(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) {
      return all;
    }
    all.push(...part);
  }
}
