import {
  type CodeBatch,
  checkCodeBatch,
  fingerprint,
  type ImageBatch,
  inFirstProcess,
  MmgenError,
  type ProcessGroup,
  readSafetensors,
  soleProcess,
  writeSafetensors,
} from "@mmgen/core";
import type { VqVae } from "@mmgen/vqvae";
import { weightBytes } from "../model/model-parts.js";
import { encodeImages } from "./encode-images.js";

/** Files by name, to read and to write. */
export interface FileStore {
  /** A file's bytes, or undefined where there is none. */
  readonly read: (name: string) => Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** Writes a file, all or nothing. */
  readonly write: (name: string, bytes: Uint8Array) => Promise<void>;
}

/** What {@link storedCodes} takes. */
export interface StoredCodesOptions {
  readonly vqvae: VqVae;
  /** Borrowed. */
  readonly images: ImageBatch;
  /** Where codes are kept. Default: nowhere. */
  readonly store?: FileStore | undefined;
  /** The file's name; from the fingerprint of codec and images it may be a function. */
  readonly name: string | ((key: string) => string);
  /** Stops the encoding; nothing is written then. Default: nobody does. */
  readonly signal?: AbortSignal | undefined;
}

const format = "mmgen-codes";

/**
 * The codes of images: from a file where one of this codec and these images lies there, else encoded and written.
 *
 * What is in a file is taken only where codec, images and codes have the checksums that it names: a file that is damaged,
 * or of others, is replaced.
 *
 * @throws a `ShapeError` when the images are not of the codec's shape and range; an `AbortedError` when the signal fires.
 */
export async function storedCodes({ images, name, signal, store, vqvae }: StoredCodesOptions): Promise<CodeBatch> {
  if (store === undefined) {
    return encodeImages(vqvae, images, signal);
  }
  const key = await codesKey(vqvae, images);
  const file = typeof name === "string" ? name : name(key);
  const found = await readCodes(store, file, { key, vqvae });
  if (found !== undefined) {
    return found;
  }
  const codes = await encodeImages(vqvae, images, signal);
  await store.write(file, codesFile(codes, key));
  return codes;
}

/**
 * Codes that the first process of a group finds, in all: images are encoded once, and alike on machines of every kind.
 *
 * @param encoded - What they are codes of.
 * @param find - Called in the first process; the others wait.
 */
export async function sharedCodes(
  group: ProcessGroup = soleProcess,
  { images, vqvae }: { readonly images: ImageBatch; readonly vqvae: VqVae },
  find: () => Promise<CodeBatch>,
): Promise<CodeBatch> {
  if (group.size === 1) {
    return find();
  }
  const bytes = (await inFirstProcess(group, async () => new Uint8Array((await find()).data.slice().buffer)))!;
  return { data: new Int32Array(bytes.buffer), count: images.count, ...vqvae.codeGrid };
}

/** A fingerprint of what codes depend on: the codec's configuration and weights, and the images with their shape. */
async function codesKey(vqvae: VqVae, { data, ...shape }: ImageBatch): Promise<string> {
  const { channels, count, height, maxValue, width } = shape;
  const description = [vqvae.config, { channels, count, height, maxValue, width }];
  return fingerprint([textBytes(JSON.stringify(description)), ...(await weightBytes(vqvae)), data]);
}

function codesFile({ count, data, height, width }: CodeBatch, key: string): Uint8Array {
  const tensors = new Map([["codes", { data, dtype: "int32", shape: [count, height, width] } as const]]);
  return writeSafetensors({
    tensors,
    metadata: { format, version: "1", key, checksum: checksumOf(data, [count, height, width], key) },
  });
}

/** A file's codes, unless it is damaged or of another codec or other images. */
async function readCodes(
  store: FileStore,
  file: string,
  { key, vqvae }: { readonly key: string; readonly vqvae: VqVae },
): Promise<CodeBatch | undefined> {
  try {
    const bytes = await store.read(file);
    if (bytes === undefined) {
      return undefined;
    }
    const { metadata, tensors } = readSafetensors(bytes);
    const { data, dtype, shape } = tensors.get("codes") ?? {};
    if (metadata.format !== format || metadata.version !== "1" || metadata.key !== key || dtype !== "int32") {
      return undefined;
    }
    const [count, height, width] = shape as readonly [number, number, number];
    const codes = { data: data as Int32Array, count, height, width };
    checkCodeBatch(codes, vqvae.codebookSize);
    return metadata.checksum === checksumOf(codes.data, shape!, key) ? codes : undefined;
  } catch (error) {
    if (MmgenError.isInstance(error)) {
      return undefined;
    }
    throw error;
  }
}

function checksumOf(data: Int32Array, shape: readonly number[], key: string): string {
  const { buffer, byteLength, byteOffset } = data;
  return fingerprint([textBytes(`${key} ${shape}`), new Uint8Array(buffer, byteOffset, byteLength)]);
}

function textBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
