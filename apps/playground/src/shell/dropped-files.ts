/** A file that a visitor gave, with its path in the folder it came in. */
export interface PathFile {
  readonly file: File;
  /** "cats/black cat 1.png"; the name alone where there was no folder. */
  readonly path: string;
}

/** Makes an element take what is dropped on it, and look as if it did. */
export function takeDrops(place: HTMLElement, onDrop: (dropped: DataTransfer) => void): void {
  place.addEventListener("dragover", (event) => {
    event.preventDefault();
    place.classList.add("dropping");
  });
  place.addEventListener("dragleave", () => place.classList.remove("dropping"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("dropping");
    onDrop(event.dataTransfer!);
  });
}

/** Files of a file input, with their paths where a folder was chosen; by path. */
export function openedFiles({ files }: HTMLInputElement): readonly PathFile[] {
  return sorted(Array.from(files!, (file) => ({ file, path: file.webkitRelativePath || file.name })));
}

/** Dropped files, those of dropped folders included; by path. */
export async function droppedFiles({ items, files }: DataTransfer): Promise<readonly PathFile[]> {
  // Both lists are emptied once the event is over.
  const loose = Array.from(files, (file) => ({ file, path: file.name }));
  const entries = Array.from(items, (item) => item.webkitGetAsEntry?.() ?? undefined);
  if (entries.length === 0 || entries.includes(undefined)) {
    return sorted(loose);
  }
  return sorted((await Promise.all(entries.map((entry) => filesOf(entry!)))).flat());
}

async function filesOf(entry: FileSystemEntry): Promise<PathFile[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [{ file, path: entry.fullPath.replace(/^\//u, "") }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const entries: FileSystemEntry[] = [];
  for (;;) {
    // A reader gives about a hundred at a time, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) {
      break;
    }
    entries.push(...some);
  }
  return (await Promise.all(entries.map(filesOf))).flat();
}

function sorted(files: readonly PathFile[]): readonly PathFile[] {
  return [...files].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}
