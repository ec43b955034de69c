import { stat } from "node:fs/promises";
import { join } from "node:path";
import { AbortedError, DataError, type Limits, resolveLimits } from "@mmgen/core";
import { cacheFolder, isGzip } from "@mmgen/core/node";
import {
  boolean,
  type ConfigOf,
  fields,
  functionValue,
  listOf,
  number,
  type OptionsOf,
  oneOf,
  optional,
  resolveOptions,
  text,
  value,
} from "@mmgen/core/options";
import { dataFolder } from "../download/data-folder.js";
import { downloadFile, type RemoteFile, remoteFiles, signalField, verifyFile } from "../download/download-file.js";
import { reachableMirrors } from "../download/reachable-mirrors.js";
import { remoteAddress } from "../download/remote-address.js";
import {
  findIdxFiles,
  inflateIdx,
  joinIdxFiles,
  type LabeledSplits,
  loadIdxFolder,
  readIdxFile,
} from "./load-idx-folder.js";
import { type MnistVariant, mnistVariants } from "./mnist-variants.js";

/** The fields of {@link loadMnist}'s options, for loaders that build on it. */
export const mnistFields = {
  /** Which data set; default `mnist`. */
  variant: optional(oneOf(Object.keys(mnistVariants) as MnistVariant[]), "mnist"),
  /**
   * Folder that holds the four IDX files in a folder named as the variant; MNIST's may also lie in `dataDir` itself.
   * Default: the environment's `MMGEN_DATA_DIR`.
   */
  dataDir: optional(text()),
  /** Folder for downloads; default: the environment's `MMGEN_CACHE_DIR`, or `mmgen` in the platform's cache folder. */
  cacheDir: optional(text()),
  /** Whether to download files that neither folder has; default true. */
  download: optional(boolean(), true),
  /** Web folders to download from, tried in order; default: public mirrors. */
  mirrors: optional(listOf(text({ minLength: 1 }))),
  /** Milliseconds until the first mirror must have answered; default 5000. */
  connectTimeout: optional(number({ above: 0 }), 5_000),
  /** Receives each address with its size, and each failure. Default: none. */
  onMessage: optional(functionValue<(message: string) => void>()),
  /** The files to download, with checksums; default: the variant's. */
  files: optional(remoteFiles),
  /** What a file may take, where `fileBytes` or `inflatedBytes` of `defaultLimits` do not fit. */
  limits: optional(value<Partial<Limits>>("limits", (limits) => typeof limits === "object" && limits !== null)),
  /** Stops a download; what has arrived is kept. Default: none. */
  signal: signalField,
};

const loadMnistSchema = fields(mnistFields);

/** Options of {@link loadMnist}. */
export type LoadMnistOptions = OptionsOf<typeof loadMnistSchema>;
/** Where to look for MNIST; what is absent has {@link mnistFields}' default. */
type MnistPlaces = Partial<ConfigOf<typeof loadMnistSchema>>;

/** MNIST or a relative: training and test images with their classes. */
export interface Mnist extends LabeledSplits {
  /** Class `i`'s name, for captions: see `captionClasses`. */
  readonly classNames: readonly string[];
  /** What was loaded from where: "MNIST (60000 + 10000) from /data/mnist". */
  readonly source: string;
}

/**
 * Loads MNIST, Fashion-MNIST or KMNIST from the data folder if the files are there, else from the cache, else by
 * download into the cache.
 *
 * Files in the data folder are taken as they are, so relatives of MNIST can take its place; downloads are verified before
 * they are kept, and again when they are read: one that has been damaged since is fetched again.
 *
 * @returns 60 000 and 10 000 images of 28 × 28 × 1, 0..255, with labels; yours.
 * @throws a {@link DataError} when the data set is not available, or its files are damaged or incomplete.
 * @throws a `ConfigError` when an option is unknown or out of range.
 * @throws an `AbortedError` when the signal fires.
 */
export async function loadMnist(options: LoadMnistOptions = {}): Promise<Mnist> {
  return requireMnist(resolveOptions(loadMnistSchema, options));
}

/** {@link loadMnist} with options that are resolved already. */
export async function requireMnist(places: MnistPlaces): Promise<Mnist> {
  const found = await findMnist(places);
  if ("unavailable" in found) {
    const { variant = "mnist" } = places;
    throw new DataError(
      `No ${mnistVariants[variant].title}: ${found.unavailable}. Put its four IDX files into a folder "${variant}" and ` +
        "name the folder that holds it by dataDir or MMGEN_DATA_DIR.",
    );
  }
  return found;
}

/** As {@link requireMnist}, with a reason instead of an error where MNIST is not available. */
export async function findMnist(places: MnistPlaces): Promise<Mnist | { readonly unavailable: string }> {
  const { variant = "mnist", download = true, onMessage } = places;
  const { title, files: variantFiles } = mnistVariants[variant];
  const files = places.files ?? variantFiles;
  const dataDir = dataFolder(places.dataDir);
  const local = dataDir === undefined ? undefined : await findVariantFolder(dataDir, variant);
  if (local !== undefined) {
    return describe(await loadIdxFolder(local, places.limits), local, variant);
  }
  if (dataDir !== undefined) {
    const looked = variant === "mnist" ? `there and in its folder "mnist"` : `in its folder "${variant}"`;
    onMessage?.(`No ${title} in ${dataDir} (looked ${looked}).`);
  }
  const cache = join(cacheFolder(places.cacheDir), variant);
  let read = await readCache(cache, files, places);
  if (read.missing.length > 0) {
    if (!download) {
      return { unavailable: `${read.reason ?? `not in the cache ${cache}`}, and downloading is off` };
    }
    const failure = await downloadAll(read.missing, cache, places);
    if (failure !== undefined) {
      return { unavailable: [read.reason, failure].filter(Boolean).join("; ") };
    }
    read = await readCache(cache, files, places);
    if (read.missing.length > 0) {
      throw new DataError(`${title}: ${read.reason ?? `${cache} has lost files again`}.`);
    }
  }
  return describe(
    joinIdxFiles(cache, read.contents, (name) => join(cache, name)),
    cache,
    variant,
  );
}

/** What a cache holds of a data set. */
interface CachedFiles {
  /** Contents of the files that are there and right, by usual name. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
  /** Those that are not there, or not right. */
  readonly missing: readonly RemoteFile[];
  /** Which one is not right, and why. */
  readonly reason: string | undefined;
}

/** Reads and verifies the files of a cache. */
async function readCache(cache: string, files: readonly RemoteFile[], places: MnistPlaces): Promise<CachedFiles> {
  const limits = resolveLimits(places.limits);
  const found = await findIdxFiles(cache);
  const contents = new Map<string, Uint8Array>();
  const missing: RemoteFile[] = [];
  let reason: string | undefined;
  for (const file of files) {
    const name = file.name.replace(/\.gz$/, "");
    const path = found.get(name);
    if (path === undefined) {
      missing.push(file);
      continue;
    }
    try {
      const bytes = await readIdxFile(path, limits);
      const content = inflateIdx(bytes, path, limits);
      verifyFile(content, isGzip(bytes) ? bytes : undefined, file);
      contents.set(name, content);
    } catch (error) {
      if (!DataError.isInstance(error)) {
        throw error;
      }
      reason = `the cached file ${path} is damaged (${error.message.replace(/\.$/, "")})`;
      places.onMessage?.(`${reason[0]!.toUpperCase()}${reason.slice(1)}.`);
      missing.push(file);
    }
  }
  return { contents, missing, reason };
}

/** Downloads the files; returns what failed. */
async function downloadAll(
  files: readonly RemoteFile[],
  folder: string,
  places: MnistPlaces,
): Promise<string | undefined> {
  const { variant = "mnist", connectTimeout = 5_000, onMessage, signal } = places;
  const urls = places.mirrors ?? mnistVariants[variant].mirrors;
  const mirrors = await reachableMirrors(urls, connectTimeout, signal);
  if (signal?.aborted) {
    throw new AbortedError(`Downloading ${mnistVariants[variant].title} was stopped.`, { cause: signal.reason });
  }
  if (mirrors.length === 0) {
    const shown = urls.map((url) => remoteAddress(url).shown).join(" and ");
    return `no mirror answers; tried ${shown} for up to ${connectTimeout / 1000} s`;
  }
  try {
    for (const file of files) {
      await downloadFile(file, { mirrors, folder, connectTimeout, onMessage, signal });
    }
    return undefined;
  } catch (error) {
    if (DataError.isInstance(error)) {
      return error.message.replace(/\.$/, "");
    }
    throw error;
  }
}

/** The folder with the variant's files, if any. Only MNIST's are taken from `dataDir` itself. */
async function findVariantFolder(dataDir: string, variant: MnistVariant): Promise<string | undefined> {
  const isFolder = await stat(dataDir).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  if (!isFolder) {
    throw new DataError(`${dataDir}: there is no such folder. Correct dataDir or MMGEN_DATA_DIR.`);
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
