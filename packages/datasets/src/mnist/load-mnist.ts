import { stat } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError, DataError } from "@mmgen/core";
import { cacheFolder, dataFolder } from "../download/data-folders.js";
import type { RemoteFile } from "../download/download-file.js";
import { downloadFile, reachableMirrors } from "../download/download-file.js";
import { findIdxFiles, type LabeledSplits, loadIdxFolder } from "./load-idx-folder.js";
import { type MnistVariant, mnistVariants } from "./mnist-variants.js";

/** Options of {@link loadMnist}. */
export interface LoadMnistOptions {
  /** Which set; default `mnist`. */
  readonly variant?: MnistVariant | undefined;
  /**
   * Folder with a folder named as the variant that has the four IDX files; MNIST's may also lie in `dataDir` itself.
   * Default: the environment's `MMGEN_DATA_DIR`.
   */
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
  /** The files to have in the cache, with checksums; default: the variant's. */
  readonly files?: readonly RemoteFile[] | undefined;
}

/** MNIST, a relative, or what took its place in the data folder. */
export interface Mnist extends LabeledSplits {
  /** Class `i`'s name, for captions: see `captionClasses`. */
  readonly classNames: readonly string[];
  /** Where it came from, for people: "MNIST (60000 + 10000) from /data/mnist". */
  readonly source: string;
}

/**
 * Loads MNIST, Fashion-MNIST or KMNIST: from the data folder if the files are there, else from the cache, else by
 * download into the cache.
 *
 * Files in the data folder are taken as they are, so that relatives of MNIST can stand in; downloads are
 * verified before they are kept.
 *
 * @throws a {@link DataError} when it is in no place, or the files found are damaged or incomplete.
 * @throws a {@link ConfigError} when there is no such variant.
 */
export async function loadMnist(options: LoadMnistOptions = {}): Promise<Mnist> {
  const found = await findMnist(options);
  if ("unavailable" in found) {
    const { variant = "mnist" } = options;
    throw new DataError(
      `No ${mnistVariants[variant].title}: ${found.unavailable}. Put its four IDX files into a folder "${variant}" and ` +
        "name the folder that holds it by dataDir or MMGEN_DATA_DIR.",
    );
  }
  return found;
}

/** As {@link loadMnist}, with a reason instead of an error where MNIST is in no place. */
export async function findMnist(options: LoadMnistOptions): Promise<Mnist | { readonly unavailable: string }> {
  const { variant = "mnist", download = true, onMessage } = options;
  if (!Object.hasOwn(mnistVariants, variant)) {
    throw new ConfigError(`variant: expected ${Object.keys(mnistVariants).join(", ")}, got "${variant}".`);
  }
  const { title, files: variantFiles } = mnistVariants[variant];
  const files = options.files ?? variantFiles;
  const dataDir = dataFolder(options.dataDir);
  const local = dataDir === undefined ? undefined : await findVariantFolder(dataDir, variant);
  if (local !== undefined) {
    return describe(await loadIdxFolder(local), local, variant);
  }
  if (dataDir !== undefined) {
    const places = variant === "mnist" ? `there and in its folder "mnist"` : `in its folder "${variant}"`;
    onMessage?.(`No ${title} in ${dataDir} (looked ${places}).`);
  }
  const cache = join(cacheFolder(options.cacheDir), variant);
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
  return describe(await loadIdxFolder(cache), cache, variant);
}

/** Downloads the files, and says what failed. */
async function downloadAll(
  files: readonly RemoteFile[],
  folder: string,
  options: LoadMnistOptions,
): Promise<string | undefined> {
  const { variant = "mnist", connectTimeout = 5_000, onMessage } = options;
  const urls = options.mirrors ?? mnistVariants[variant].mirrors;
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

/** The folder with the variant's files; none where there are none. Only MNIST's are taken from `dataDir` itself. */
async function findVariantFolder(dataDir: string, variant: MnistVariant): Promise<string | undefined> {
  const isFolder = await stat(dataDir).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  if (!isFolder) {
    throw new DataError(`Data folder ${dataDir}: there is no such folder. Correct dataDir or MMGEN_DATA_DIR.`);
  }
  for (const folder of [join(dataDir, variant), ...(variant === "mnist" ? [dataDir] : [])]) {
    if ((await findIdxFiles(folder)).size > 0) {
      return folder;
    }
  }
  return undefined;
}

function describe(splits: LabeledSplits, folder: string, variant: MnistVariant): Mnist {
  const { train, test } = splits;
  const { title, classNames } = mnistVariants[variant];
  const source = `${title} (${train.images.count} + ${test.images.count}) from ${folder}`;
  return { train, test, classNames, source };
}
