import { DataError, describeValue } from "@mmgen/core";

/**
 * A plain view of a file's bytes: of a Buffer, whose `slice` would not copy, and of an array from another realm too.
 *
 * @throws a {@link DataError} when it is no Uint8Array.
 */
export function checkBytes(bytes: Uint8Array, name: string): Uint8Array {
  if (!ArrayBuffer.isView(bytes) || bytes[Symbol.toStringTag] !== "Uint8Array") {
    throw new DataError(`${name}: expected the file's bytes as a Uint8Array, got ${describeValue(bytes)}.`);
  }
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
