import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "@mmgen/core";

/** The files of a folder of images; all paths relative to it, with "/" between the parts. */
export interface FolderListing {
  /** PNG, JPEG and WebP by their names' endings, ordered by character codes, the same on every system. */
  readonly images: readonly string[];
  /** Every other file. */
  readonly others: readonly string[];
}

const imageEnding = /\.(png|jpe?g|webp)$/i;

/** Links to folders to which others led before; folders with two links each to the next one have very many paths. */
const maxRepeatedLinks = 1000;
const maxFiles = 10_000_000;

/**
 * Lists a folder and all folders in it, without hidden files (a name that begins with a dot).
 *
 * Symbolic links are followed: what a link leads to has the path where the link stands, and is listed once for each.
 *
 * @throws a {@link DataError} when the folder does not exist or has no image in it, and naming the link that leads
 *   nowhere or back to a folder that it lies in.
 */
export async function listImageFolder(folder: string): Promise<FolderListing> {
  const files = (await new FolderWalk(folder).list()).sort((a, b) => (a < b ? -1 : 1));
  const images = files.filter((path) => imageEnding.test(path));
  if (images.length === 0) {
    throw new DataError(
      `${folder}: expected images (.png, .jpg, .jpeg, .webp) in it or its folders, found none among ${files.length} files.`,
    );
  }
  return { images, others: files.filter((path) => !imageEnding.test(path)) };
}

/** A folder that is being listed. */
interface Visit {
  /** Relative to the folder of images, with "/" at its end; empty for that folder itself. */
  readonly path: string;
  /** Where it lies, without links. */
  readonly real: string;
  /** The folder that it, or the link to it, stands in. */
  readonly parent: Visit | undefined;
}

class FolderWalk {
  readonly #root: string;
  readonly #files: string[] = [];
  readonly #linked = new Set<string>();
  #repeatedLinks = 0;

  constructor(root: string) {
    this.#root = root;
  }

  /** @returns Paths of all files, in no order. */
  async list(): Promise<string[]> {
    const open: Visit[] = [{ path: "", real: await this.#tryTo((root) => realpath(root), ""), parent: undefined }];
    for (let visit = open.pop(); visit !== undefined; visit = open.pop()) {
      for (const entry of await this.#tryTo((folder) => readdir(folder, { withFileTypes: true }), visit.path)) {
        const path = `${visit.path}${entry.name}`;
        if (entry.name.startsWith(".")) {
          continue;
        }
        const real = entry.isDirectory()
          ? join(visit.real, entry.name)
          : entry.isSymbolicLink()
            ? await this.#linkedFolder(path, visit)
            : undefined;
        if (real !== undefined) {
          open.push({ path: `${path}/`, real, parent: visit });
        } else if (this.#files.push(path) > maxFiles) {
          throw new DataError(`${this.#root}: expected at most ${maxFiles} files in it. Load its folders one by one.`);
        }
      }
    }
    return this.#files;
  }

  async #tryTo<Result>(list: (folder: string) => Promise<Result>, path: string): Promise<Result> {
    const folder = join(this.#root, path);
    try {
      return await list(folder);
    } catch (error) {
      throw new DataError(`Cannot list the folder of images ${folder}: ${(error as Error).message}`, { cause: error });
    }
  }

  /** Where the folder lies that a link leads to; undefined when it leads to a file. */
  async #linkedFolder(path: string, parent: Visit): Promise<string | undefined> {
    const link = join(this.#root, path);
    let real: string;
    try {
      if (!(await stat(link)).isDirectory()) {
        return undefined;
      }
      real = await realpath(link);
    } catch (error) {
      throw new DataError(
        `${link}: this symbolic link leads nowhere (${(error as Error).message}). Repair it or move it elsewhere.`,
        { cause: error },
      );
    }
    for (let above: Visit | undefined = parent; above !== undefined; above = above.parent) {
      if (above.real === real) {
        throw new DataError(`${link}: this symbolic link leads back to ${real}, in which it stands. Remove it.`);
      }
    }
    this.#repeatedLinks += Number(this.#linked.has(real));
    this.#linked.add(real);
    if (this.#repeatedLinks > maxRepeatedLinks) {
      throw new DataError(
        `${link}: expected at most ${maxRepeatedLinks} symbolic links to folders to which others lead too. Remove some.`,
      );
    }
    return real;
  }
}
