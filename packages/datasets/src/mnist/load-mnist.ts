import { stat } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "@mmgen/core";
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
import { cacheFolder, dataFolder } from "../download/data-folders.js";
import { downloadFile, type RemoteFile, reachableMirrors } from "../download/download-file.js";
import { findIdxFiles, type LabeledSplits, loadIdxFolder } from "./load-idx-folder.js";
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
  /** Receives each address with its size, and each failure. */
  onMessage: optional(functionValue<(message: string) => void>()),
  /** The files to download, with checksums; default: the variant's. */
  files: optional(value<readonly RemoteFile[]>("a list of files", Array.isArray)),
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
 * they are kept.
 *
 * @returns 60 000 and 10 000 images of 28 × 28 × 1, 0..255, with labels; yours.
 * @throws a {@link DataError} when the data set is not available, or its files are damaged or incomplete.
 * @throws a `ConfigError` when an option is unknown or out of range.
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
    return describe(await loadIdxFolder(local), local, variant);
  }
  if (dataDir !== undefined) {
    const looked = variant === "mnist" ? `there and in its folder "mnist"` : `in its folder "${variant}"`;
    onMessage?.(`No ${title} in ${dataDir} (looked ${looked}).`);
  }
  const cache = join(cacheFolder(places.cacheDir), variant);
  const cached = await findIdxFiles(cache);
  const missing = files.filter(({ name }) => !cached.has(name.replace(/\.gz$/, "")));
  if (missing.length > 0) {
    if (!download) {
      return { unavailable: `not in the cache ${cache}, and downloading is off` };
    }
    const failure = await downloadAll(missing, cache, places);
    if (failure !== undefined) {
      return { unavailable: failure };
    }
  }
  return describe(await loadIdxFolder(cache), cache, variant);
}

/** Downloads the files; returns what failed. */
async function downloadAll(
  files: readonly RemoteFile[],
  folder: string,
  places: MnistPlaces,
): Promise<string | undefined> {
  const { variant = "mnist", connectTimeout = 5_000, onMessage } = places;
  const urls = places.mirrors ?? mnistVariants[variant].mirrors;
  const mirrors = await reachableMirrors(urls, connectTimeout);
  if (mirrors.length === 0) {
    return `no mirror answers; tried ${urls.join(" and ")} for up to ${connectTimeout / 1000} s`;
  }
  try {
    for (const file of files) {
      await downloadFile(file, { mirrors, folder, connectTimeout, onMessage });
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
