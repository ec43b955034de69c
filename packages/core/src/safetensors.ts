import { CheckpointError } from "./errors.js";

/** One named array of a safetensors file. */
export interface StoredTensor {
  readonly dtype: "float32" | "int32" | "uint8";
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/** What a safetensors file holds: arrays by name, and a flat map of strings. */
export interface SafetensorsContent {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

const dtypes = {
  F32: { dtype: "float32", array: Float32Array, width: 4 },
  I32: { dtype: "int32", array: Int32Array, width: 4 },
  U8: { dtype: "uint8", array: Uint8Array, width: 1 },
} as const;
const codes = { float32: "F32", int32: "I32", uint8: "U8" } as const;

/**
 * Writes arrays and metadata as one safetensors file, readable by every safetensors library.
 *
 * @returns A fresh buffer; the arrays are copied.
 * @throws {@link CheckpointError} when an array's length is not its shape's.
 * @see https://huggingface.co/docs/safetensors
 */
export function writeSafetensors(content: SafetensorsContent): Uint8Array {
  const header: Record<string, unknown> = {};
  if (Object.keys(content.metadata).length > 0) {
    header.__metadata__ = content.metadata;
  }
  // Wide elements first, so that each array starts at a multiple of its element's width.
  const entries = [...content.tensors].sort(
    ([, a], [, b]) => dtypes[codes[b.dtype]].width - dtypes[codes[a.dtype]].width,
  );
  let offset = 0;
  for (const [name, { dtype, shape, data }] of entries) {
    const size = shape.reduce((product, side) => product * side, 1);
    if (size !== data.length) {
      throw new CheckpointError(`${name}: shape [${shape.join(", ")}] asks for ${size} values, got ${data.length}.`);
    }
    header[name] = { dtype: codes[dtype], shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerLength = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerLength + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.fill(0x20, 8, 8 + headerLength);
  bytes.set(json, 8);
  let at = 8 + headerLength;
  for (const [, { data }] of entries) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/**
 * Reads a safetensors file of float32, int32 and uint8 arrays.
 *
 * Every length and offset is checked against the file before it is used.
 *
 * @param bytes - The whole file; borrowed, the arrays are copied out.
 * @throws {@link CheckpointError} when the file is truncated, malformed, or holds another dtype.
 */
export function readSafetensors(bytes: Uint8Array): SafetensorsContent {
  const fail = (what: string): never => {
    throw new CheckpointError(`Not a readable safetensors file: ${what}.`);
  };
  if (bytes.length < 8) {
    fail(`expected at least 8 bytes, got ${bytes.length}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = Number(view.getBigUint64(0, true));
  if (headerLength > bytes.length - 8) {
    fail(
      `its header claims ${headerLength} bytes and ${bytes.length - 8} follow; the file is truncated or of another format`,
    );
  }
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + headerLength)));
  } catch {
    fail("its header is not JSON");
  }
  if (!isRecord(header)) {
    return fail("its header is not an object");
  }
  const dataStart = 8 + headerLength;
  const dataLength = bytes.length - dataStart;
  const tensors = new Map<string, StoredTensor>();
  const metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (!isRecord(entry)) {
      return fail(`entry "${name}" is not an object`);
    }
    if (name === "__metadata__") {
      for (const [key, value] of Object.entries(entry)) {
        metadata[key] = typeof value === "string" ? value : fail(`metadata "${key}" is not a string`);
      }
      continue;
    }
    const { dtype, shape, data_offsets: offsets } = entry;
    const type =
      dtypes[dtype as keyof typeof dtypes] ?? fail(`"${name}" has dtype ${dtype}; this reader takes F32, I32 and U8`);
    if (!isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) {
      return fail(`"${name}" has a malformed shape or offsets`);
    }
    const [start, end] = offsets as [number, number];
    const size = shape.reduce((product, side) => product * side, 1);
    if (end > dataLength || end - start !== size * type.width) {
      fail(
        `"${name}" needs ${size * type.width} bytes at [${start}, ${end}) and the file holds ${dataLength}; it is truncated or damaged`,
      );
    }
    const copy = bytes.slice(dataStart + start, dataStart + end);
    tensors.set(name, { dtype: type.dtype, shape, data: new type.array(copy.buffer, 0, size) });
  }
  return { tensors, metadata };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
