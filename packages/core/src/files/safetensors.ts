import { CheckpointError } from "../errors/errors.js";
import { findRepeatedKey } from "./repeated-keys.js";
import { type StoredFormat, type StoredTensor, storedFormats } from "./stored-formats.js";

/** What a safetensors file holds: arrays by name, and a flat map of strings. */
export interface SafetensorsContent {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

const metadataName = "__metadata__";
/** The reference implementation's limit on the header, in bytes. */
const maxHeaderLength = 100_000_000;

/**
 * Writes arrays and metadata as one safetensors file, readable by every safetensors library.
 *
 * The same content gives the same bytes. Arrays are stored in the map's order, those of one byte a value last.
 *
 * @returns A fresh buffer; the arrays are copied.
 * @throws a {@link CheckpointError} when an array's length or kind is not what its shape and dtype ask for.
 * @see https://huggingface.co/docs/safetensors
 */
export function writeSafetensors(content: SafetensorsContent): Uint8Array {
  for (const [name, tensor] of content.tensors) {
    checkTensor(name, tensor);
  }
  // Wide elements first, so that each array starts at a multiple of its element's width.
  const entries = [...content.tensors].sort(([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);
  // Pairs, not an object: an object loses the name "__proto__" and moves names such as "1" to the front.
  const header: string[] = [];
  const metadata = Object.entries(content.metadata);
  if (metadata.length > 0) {
    for (const [key, value] of metadata) {
      if (typeof value !== "string") {
        throw new CheckpointError(`metadata "${key}": expected a string, got ${typeof value}.`);
      }
    }
    header.push(jsonPair(metadataName, `{${metadata.map(([key, value]) => jsonPair(key, JSON.stringify(value)))}}`));
  }
  let offset = 0;
  for (const [name, { dtype, shape, data }] of entries) {
    const { code } = storedFormats.find((format) => format.dtype === dtype)!;
    const entry = { dtype: code, shape, data_offsets: [offset, offset + data.byteLength] };
    header.push(jsonPair(name, JSON.stringify(entry)));
    offset += data.byteLength;
  }
  const json = new TextEncoder().encode(`{${header}}`);
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
 * Reads a safetensors file.
 *
 * Arrays of F32, I32 and U8 come as they are; F16 and BF16 as float32 and BOOL as uint8, exactly; I64 as int32, where
 * every value fits.
 *
 * As strict as the reference implementation: every length and offset is checked against the file before it is used, the
 * arrays fill the data without gap or overlap, and no name comes twice.
 *
 * @param bytes - The whole file; borrowed, the arrays are copied out.
 * @returns The arrays in the order in which they are stored.
 * @throws a {@link CheckpointError} when the file is truncated, malformed, or holds another dtype or an I64 value beyond int32.
 */
export function readSafetensors(bytes: Uint8Array): SafetensorsContent {
  const { header, data } = splitFile(bytes);
  const metadata: [string, string][] = [];
  const stored: { name: string; start: number; end: number; tensor: StoredTensor }[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (!isRecord(entry)) {
      throw unreadable(`entry "${name}" is not an object`);
    }
    if (name === metadataName) {
      for (const [key, value] of Object.entries(entry)) {
        if (typeof value !== "string") {
          throw unreadable(`metadata "${key}" is not a string`);
        }
        metadata.push([key, value]);
      }
      continue;
    }
    const { dtype, shape, data_offsets: offsets } = entry;
    const format = storedFormats.find(({ code }) => code === dtype);
    if (format === undefined) {
      const codes = storedFormats.map(({ code }) => code).join(", ");
      throw unreadable(`"${name}" has dtype ${JSON.stringify(dtype)}; this reader takes ${codes}`);
    }
    if (!isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) {
      throw unreadable(`"${name}" has a malformed shape or offsets`);
    }
    const [start, end] = offsets as [number, number];
    const size = sizeOf(shape);
    const byteLength = size * format.width;
    if (end > data.length || end - start !== byteLength) {
      throw unreadable(
        `"${name}" needs ${byteLength} bytes at [${start}, ${end}) and the file holds ${data.length}; it is truncated or damaged`,
      );
    }
    // A fresh buffer: `slice` of a Node Buffer would be a view, and `start` need not be a multiple of the width.
    const copy = new Uint8Array(byteLength);
    copy.set(data.subarray(start, end));
    stored.push({ name, start, end, tensor: { dtype: format.dtype, shape, data: readArray(name, format, copy) } });
  }
  stored.sort((a, b) => a.start - b.start || a.end - b.end);
  checkRanges(stored, data.length);
  const tensors = new Map(stored.map(({ name, tensor }) => [name, tensor]));
  return { tensors, metadata: Object.fromEntries(metadata) };
}

function readArray(name: string, format: StoredFormat, bytes: Uint8Array<ArrayBuffer>): StoredTensor["data"] {
  const data = format.read(bytes.buffer);
  if (data === undefined) {
    throw unreadable(`"${name}" holds ${format.code} values beyond ${format.dtype}`);
  }
  return data;
}

function splitFile(bytes: Uint8Array): { header: Record<string, unknown>; data: Uint8Array } {
  if (bytes.length < 8) {
    throw unreadable(`expected at least 8 bytes, got ${bytes.length}`);
  }
  const headerLength = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (headerLength > bytes.length - 8 || headerLength > maxHeaderLength) {
    throw unreadable(
      `its header claims ${headerLength} bytes and ${bytes.length - 8} follow; the file is truncated or of another format`,
    );
  }
  let text: string;
  let header: unknown;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    text = decoder.decode(bytes.subarray(8, 8 + headerLength));
    header = JSON.parse(text);
  } catch {
    throw unreadable("its header is not JSON");
  }
  if (!isRecord(header)) {
    throw unreadable("its header is not an object");
  }
  const repeated = findRepeatedKey(text);
  if (repeated !== undefined) {
    throw unreadable(`its header holds "${repeated}" twice`);
  }
  return { header, data: bytes.subarray(8 + headerLength) };
}

/** Arrays must lie end to end: overlap lets a small file ask for much memory, a gap hides what no reader sees. */
function checkRanges(ranges: readonly { name: string; start: number; end: number }[], dataLength: number): void {
  let at = 0;
  for (const { name, start, end } of ranges) {
    if (start !== at) {
      throw unreadable(
        `"${name}" starts at byte ${start} of the data, expected ${at}: its arrays overlap or leave a gap`,
      );
    }
    at = end;
  }
  if (at !== dataLength) {
    throw unreadable(`${dataLength - at} bytes at its end belong to no array`);
  }
}

function checkTensor(name: string, { dtype, shape, data }: StoredTensor): void {
  if (name === metadataName) {
    throw new CheckpointError(`"${metadataName}" is the format's own name; give the array another.`);
  }
  const expected = { float32: "Float32Array", int32: "Int32Array", uint8: "Uint8Array" }[dtype];
  if (expected === undefined || data[Symbol.toStringTag] !== expected) {
    throw new CheckpointError(`${name}: expected ${expected ?? "float32, int32 or uint8"} data for ${dtype}.`);
  }
  const size = isSizes(shape) ? sizeOf(shape) : Number.NaN;
  if (size !== data.length) {
    throw new CheckpointError(`${name}: shape [${shape.join(", ")}] asks for ${size} values, got ${data.length}.`);
  }
}

function unreadable(what: string): CheckpointError {
  return new CheckpointError(`Not a readable safetensors file: ${what}.`);
}

function jsonPair(key: string, json: string): string {
  return `${JSON.stringify(key)}:${json}`;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
