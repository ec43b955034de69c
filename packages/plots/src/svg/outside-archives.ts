import { rmSync } from "node:fs";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

/** Parts of paths that only a patched `node:fs` can read: archives of Yarn's Plug'n'Play and of Electron. */
const archives = /(\.zip|\.asar|[\\/]__virtual__)[\\/]/;

/** Copies by the path of their original, for as long as the process runs. */
const copies = new Map<string, Promise<string>>();

/**
 * Paths that native code can open: that of a copy in the system's folder for temporary files where a file is within an
 * archive, else the path itself. Copies are removed when the process ends.
 *
 * @throws what `node:fs` throws for a file that cannot be read, or copied.
 */
export function outsideArchives(paths: readonly string[]): Promise<string[]> {
  return Promise.all(paths.map((path) => (archives.test(path) ? copyOnce(path) : path)));
}

function copyOnce(path: string): Promise<string> {
  let copied = copies.get(path);
  if (copied === undefined) {
    copied = copy(path);
    copies.set(path, copied);
    copied.catch(() => copies.delete(path));
  }
  return copied;
}

async function copy(path: string): Promise<string> {
  const bytes = await readFile(path);
  const folder = await mkdtemp(join(tmpdir(), "mmgen-fonts-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const target = join(folder, basename(path));
  await writeFile(target, bytes);
  return target;
}
