import { describeValue } from "../errors/describe-value.js";
import { CheckpointError } from "../errors/errors.js";
import { quote } from "../errors/printable.js";
import { fileBytes } from "./file-bytes.js";
import { type Limits, resolveLimits } from "./limits.js";
import { parseJson } from "./parse-json.js";
import { type StoredFormat, type StoredTensor, storedForm, storedFormats } from "./stored-formats.js";

/** What a safetensors file holds: arrays by name, and a flat map of strings. */
export interface SafetensorsContent {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

const metadataName = "__metadata__";
/** Values in the header for each array: its entry, its dtype, offsets and shape. */
const maxAxes = 16;
const valuesPerArray = 8 + maxAxes;

/** Options of {@link readSafetensors}. */
export interface ReadSafetensorsOptions {
  /** What the file may take; `defaultLimits` for what is absent. */
  readonly limits?: Partial<Limits> | undefined;
}

/**
 * Writes arrays and metadata as one safetensors file, readable by every safetensors library.
 *
 * The same content gives the same bytes. Arrays are stored in the map's order, but the widest values first.
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
  const entries = [...content.tensors]
    .map(([name, tensor]) => ({ name, shape: tensor.shape, ...storedForm(tensor) }))
    .sort((a, b) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);
  // Pairs, not an object: an object loses the name "__proto__" and moves names such as "1" to the front.
  const header: string[] = [];
  const metadata = Object.entries(content.metadata);
  if (metadata.length > 0) {
    for (const [key, value] of metadata) {
      if (typeof value !== "string") {
        throw new CheckpointError(`metadata ${quote(key)}: expected a string, got ${describeValue(value)}.`);
      }
    }
    header.push(jsonPair(metadataName, `{${metadata.map(([key, value]) => jsonPair(key, JSON.stringify(value)))}}`));
  }
  let offset = 0;
  for (const { name, code, shape, data } of entries) {
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
  for (const { data } of entries) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/**
 * Tells whether a file begins as safetensors files do: the `signature` of `readFileBytes`.
 *
 * @param head - The first 9 bytes or more.
 * @param size - Bytes of the whole file.
 * @returns What is wrong; undefined where nothing is.
 */
export function safetensorsSignature(head: Uint8Array, size: number): string | undefined {
  if (size < 8 || head.length < 8) {
    return `expected at least 8 bytes, got ${Math.min(size, head.length)}`;
  }
  const length = headerLengthOf(head);
  if (length > size - 8) {
    return `its header claims ${length} bytes and ${size - 8} follow; the file is truncated or of another format`;
  }
  return undefined;
}

/**
 * Reads a safetensors file.
 *
 * Arrays of F32, I32, U8 and I8 come as they are; F16 and BF16 as float32 and BOOL as uint8, exactly; I64 as int32, where
 * every value fits.
 *
 * As strict as the reference implementation: every length and offset is checked against the file before it is used, the
 * arrays fill the data without gap or overlap, and no name comes twice. Nothing is copied before the whole header is right.
 *
 * @param bytes - The whole file; borrowed, the arrays are copied out.
 * @returns The arrays in the order in which they are stored.
 * @throws a {@link CheckpointError} when the file is truncated, malformed, beyond a limit, or holds another dtype or an
 *   I64 value beyond int32; a `ConfigError` when `bytes` are none.
 */
export function readSafetensors(bytes: Uint8Array, options: ReadSafetensorsOptions = {}): SafetensorsContent {
  const limits = resolveLimits(options.limits);
  const { header, data } = splitFile(fileBytes(bytes, "safetensors file"), limits);
  let metadata: readonly [string, string][] = [];
  const ranges: StoredRange[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (!isRecord(entry)) {
      throw unreadable(`entry ${quote(name)} is not an object`);
    }
    if (name === metadataName) {
      metadata = readMetadata(entry);
    } else {
      ranges.push(readEntry(name, entry, data.length));
    }
  }
  if (ranges.length > limits.tensors) {
    throw unreadable(`it holds ${ranges.length} arrays, and the limit "tensors" is ${limits.tensors}`);
  }
  ranges.sort((a, b) => a.start - b.start || a.end - b.end);
  checkRanges(ranges, data.length);
  const tensors = new Map(
    ranges.map(({ name, start, end, shape, format }) => {
      // A fresh buffer: `slice` of a Node Buffer would be a view, and `start` need not be a multiple of the width.
      const copy = new Uint8Array(end - start);
      copy.set(data.subarray(start, end));
      return [name, { dtype: format.dtype, shape, data: readArray(name, format, copy) }] as const;
    }),
  );
  return { tensors, metadata: Object.fromEntries(metadata) };
}

/**
 * The metadata of a safetensors file, its header checked as JSON and its arrays left where they are.
 *
 * @param bytes - The whole file; borrowed.
 * @throws as {@link readSafetensors}, of the header.
 */
export function readSafetensorsMetadata(
  bytes: Uint8Array,
  options: ReadSafetensorsOptions = {},
): SafetensorsContent["metadata"] {
  const { header } = splitFile(fileBytes(bytes, "safetensors file"), resolveLimits(options.limits));
  const entry = Object.hasOwn(header, metadataName) ? header[metadataName] : {};
  if (!isRecord(entry)) {
    throw unreadable(`entry ${quote(metadataName)} is not an object`);
  }
  return Object.fromEntries(readMetadata(entry));
}

/** An array's entry in the header, and where its bytes lie in the data. */
interface StoredRange {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly shape: readonly number[];
  readonly format: StoredFormat;
}

function readMetadata(entry: Readonly<Record<string, unknown>>): [string, string][] {
  return Object.entries(entry).map(([key, value]) => {
    if (typeof value !== "string") {
      throw unreadable(`metadata ${quote(key)} is not a string`);
    }
    return [key, value];
  });
}

function readEntry(name: string, entry: Readonly<Record<string, unknown>>, dataLength: number): StoredRange {
  const { dtype, shape, data_offsets: offsets } = entry;
  const format = storedFormats.find(({ code }) => code === dtype);
  if (format === undefined) {
    const codes = storedFormats.map(({ code }) => code).join(", ");
    throw unreadable(`${quote(name)} has dtype ${describeValue(dtype)}; this reader takes ${codes}`);
  }
  if (!isSizes(shape) || shape.length > maxAxes || !isSizes(offsets) || offsets.length !== 2) {
    throw unreadable(`${quote(name)} has a malformed shape or offsets`);
  }
  const [start, end] = offsets as [number, number];
  const byteLength = sizeOf(shape) * format.width;
  if (end > dataLength || end - start !== byteLength) {
    throw unreadable(
      `${quote(name)} needs ${byteLength} bytes at [${start}, ${end}) and the file holds ${dataLength}; it is truncated or damaged`,
    );
  }
  return { name, start, end, shape, format };
}

function readArray(name: string, format: StoredFormat, bytes: Uint8Array<ArrayBuffer>): StoredTensor["data"] {
  const data = format.read(bytes.buffer);
  if (data === undefined) {
    throw unreadable(`${quote(name)} holds ${format.code} values beyond ${format.dtype}`);
  }
  return data;
}

function splitFile(bytes: Uint8Array, limits: Limits): { header: Record<string, unknown>; data: Uint8Array } {
  const problem = safetensorsSignature(bytes.subarray(0, 8), bytes.length);
  if (problem !== undefined) {
    throw unreadable(problem);
  }
  const end = 8 + headerLengthOf(bytes);
  if (end - 8 > limits.headerBytes) {
    throw unreadable(`its header claims ${end - 8} bytes, and the limit "headerBytes" is ${limits.headerBytes}`);
  }
  const text = decodeUtf8(bytes.subarray(8, end));
  // One text per metadata field, of which training states and models have few.
  const maxValues = 10_000 + valuesPerArray * limits.tensors;
  const header = text === undefined ? undefined : parseJson(text, { maxDepth: headerDepth, maxValues });
  if (header === undefined || header.problem !== undefined) {
    throw unreadable(`its header ${header?.problem ?? "is not JSON"}`);
  }
  if (!isRecord(header.value)) {
    throw unreadable("its header is not an object");
  }
  return { header: header.value, data: bytes.subarray(end) };
}

/** The header, an entry, its shape; and one more, so that a value of the wrong kind is named. */
const headerDepth = 4;

function headerLengthOf(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Arrays must lie end to end: overlap lets a small file ask for much memory, a gap hides what no reader sees. */
function checkRanges(ranges: readonly StoredRange[], dataLength: number): void {
  let at = 0;
  for (const { name, start, end } of ranges) {
    if (start !== at) {
      throw unreadable(
        `${quote(name)} starts at byte ${start} of the data, expected ${at}: its arrays overlap or leave a gap`,
      );
    }
    at = end;
  }
  if (at !== dataLength) {
    throw unreadable(`${dataLength - at} bytes at its end belong to no array`);
  }
}

function checkTensor(name: string, { dtype, shape, data, storedAs }: StoredTensor): void {
  if (name === metadataName) {
    throw new CheckpointError(`"${metadataName}" is the format's own name; give the array another.`);
  }
  const expected = { float32: "Float32Array", int32: "Int32Array", uint8: "Uint8Array", int8: "Int8Array" }[dtype];
  if (expected === undefined || data[Symbol.toStringTag] !== expected) {
    throw new CheckpointError(
      `${quote(name)}: expected ${expected ?? "float32, int32, uint8 or int8"} data for ${dtype}.`,
    );
  }
  if (storedAs !== undefined && (storedAs !== "F16" || dtype !== "float32")) {
    throw new CheckpointError(
      `${quote(name)}: only float32 data is stored as "F16", got ${dtype} and ${describeValue(storedAs)}.`,
    );
  }
  const size = isSizes(shape) ? sizeOf(shape) : Number.NaN;
  if (size !== data.length) {
    throw new CheckpointError(
      `${quote(name)}: shape [${shape.join(", ")}] asks for ${size} values, got ${data.length}.`,
    );
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
