import { stat } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "@mmgen/core";
import { cacheFolder, dataFolder } from "./data-folders.js";
import { downloadFile } from "./download.js";
import { findIdxFiles, type LabelledSplits, loadIdxFolder } from "./idx-files.js";
import { mnistFiles, mnistMirrors, type RemoteFile } from "./mnist-source.js";
import { reachableMirrors } from "./reachable-mirrors.js";

/** Options of {@link loadMnist}. */
export interface LoadMnistOptions {
  /** Folder with the four IDX files, or with a folder `mnist` that has them; default: the environment's `MMGEN_DATA_DIR`. */
  readonly dataDir?: string | undefined;
  /** Folder for downloads; default: the environment's `MMGEN_CACHE_DIR`, or `mmgen` in the platform's cache folder. */
  readonly cacheDir?: string | undefined;
  /** Whether to download what is in neither folder; default true. */
  readonly download?: boolean | undefined;
  /** Web folders to download from, tried in turn; default: public mirrors. */
  readonly mirrors?: readonly string[] | undefined;
  /** Milliseconds until some mirror must have answered; default 5000. */
  readonly connectTimeout?: number | undefined;
  /** Told what is downloaded from where, its size, and what failed. */
  readonly onMessage?: ((message: string) => void) | undefined;
  /** The files to have in the cache, with checksums; default: MNIST's. */
  readonly files?: readonly RemoteFile[] | undefined;
}

/** MNIST, or what took its place in the data folder. */
export interface Mnist extends LabelledSplits {
  /** Where it came from, for people: "MNIST (60000 + 10000) from /data/mnist". */
  readonly source: string;
}

/**
 * Loads MNIST: from the data folder if its files are there, else from the cache, else by download into the cache.
 *
 * Files in the data folder are taken as they are, so that relatives of MNIST can stand in; downloads are
 * verified before they are kept.
 *
 * @throws a {@link DataError} when it is in no place, or the files found are damaged or incomplete.
 */
export async function loadMnist(options: LoadMnistOptions = {}): Promise<Mnist> {
  const found = await findMnist(options);
  if ("unavailable" in found) {
    throw new DataError(
      `No MNIST: ${found.unavailable}. Put its four IDX files into a folder and name it by dataDir or MMGEN_DATA_DIR.`,
    );
  }
  return found;
}

/** As {@link loadMnist}, with a reason instead of an error where MNIST is in no place. */
export async function findMnist(options: LoadMnistOptions): Promise<Mnist | { readonly unavailable: string }> {
  const { download = true, onMessage, files = mnistFiles } = options;
  const dataDir = dataFolder(options.dataDir);
  const local = dataDir === undefined ? undefined : await findMnistFolder(dataDir);
  if (local !== undefined) {
    return describe(await loadIdxFolder(local), local);
  }
  if (dataDir !== undefined) {
    onMessage?.(`No MNIST in ${dataDir} (looked there and in its folder "mnist").`);
  }
  const cache = join(cacheFolder(options.cacheDir), "mnist");
  const cached = await findIdxFiles(cache);
  const missing = files.filter(({ name }) => !cached.has(name.replace(/\.gz$/, "")));
  if (missing.length > 0) {
    if (!download) {
      return { unavailable: `not in the cache ${cache}, and downloading is off` };
    }
    const failure = await downloadAll(missing, cache, options);
    if (failure !== undefined) {
      return { unavailable: failure };
    }
  }
  return describe(await loadIdxFolder(cache), cache);
}

/** Downloads the files, and says what failed. */
async function downloadAll(
  files: readonly RemoteFile[],
  folder: string,
  options: LoadMnistOptions,
): Promise<string | undefined> {
  const { connectTimeout = 5_000, onMessage } = options;
  const urls = options.mirrors ?? mnistMirrors;
  const mirrors = await reachableMirrors(urls, connectTimeout);
  if (mirrors.length === 0) {
    return `no mirror answers; tried ${urls.join(" and ")} for up to ${connectTimeout / 1000} s`;
  }
  try {
    for (const file of files) {
      await downloadFile(file, { mirrors, folder, connectTimeout, ...(onMessage && { onMessage }) });
    }
    return undefined;
  } catch (error) {
    if (DataError.isInstance(error)) {
      return error.message.replace(/\.$/, "");
    }
    throw error;
  }
}

/** The folder with MNIST's files, `dataDir` or `dataDir/mnist`; none where neither has any of them. */
async function findMnistFolder(dataDir: string): Promise<string | undefined> {
  const isFolder = await stat(dataDir).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  if (!isFolder) {
    throw new DataError(`Data folder ${dataDir}: there is no such folder. Correct dataDir or MMGEN_DATA_DIR.`);
  }
  for (const folder of [join(dataDir, "mnist"), dataDir]) {
    if ((await findIdxFiles(folder)).size > 0) {
      return folder;
    }
  }
  return undefined;
}

function describe(splits: LabelledSplits, folder: string): Mnist {
  const { train, test } = splits;
  return { train, test, source: `MNIST (${train.images.count} + ${test.images.count}) from ${folder}` };
}
