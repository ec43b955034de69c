import { DataError, fileBytes, type Limits, resolveLimits } from "@mmgen/core";
import { checkPlainValue, type PickleValue } from "./check-plain-value.js";
import { PickleMachine } from "./pickle-machine.js";
import { PickleReader } from "./pickle-reader.js";

/** What a small pickle may take, so that the budget of a large one is in proportion to its size. */
const freeBytes = 2 ** 24;
/** Bytes of memory or of work a byte of the file may cost: numpy's of protocol 2 take 4, lists of short texts 8. */
const bytesPerByte = 16;

/**
 * Reads a Python pickle of plain containers and numpy arrays, protocols 2 to 5.
 *
 * Nothing in the file is run. A pickle asks for Python functions by name; the few that build numpy arrays and sets are
 * replaced by functions of this package, and any other name is refused. What the file makes and copies is counted, and
 * bounded by 16 MiB and 16 bytes a byte of the file, at most `limits.inflatedBytes`; its time by
 * `limits.parseMilliseconds`. Whole numbers that float64 does not hold exactly come as bigint. What follows the first
 * pickle of a file is not read.
 *
 * @param bytes - The whole file; borrowed, arrays may be views of it.
 * @param name - What messages call the file.
 * @param limits - `inflatedBytes`, `parseMilliseconds` and `depth`, of containers in each other, are taken.
 * @throws a {@link DataError} naming the function asked for when it is none of numpy's, or saying how the file is
 *   damaged, or which limit it exceeds.
 * @see https://github.com/python/cpython/blob/main/Lib/pickletools.py for the operations.
 */
export function parsePickle(bytes: Uint8Array, name = "pickle", limits: Partial<Limits> = {}): PickleValue {
  const { inflatedBytes, parseMilliseconds, depth } = resolveLimits(limits);
  const { buffer, byteOffset, byteLength } = fileBytes(bytes, name);
  // A plain Uint8Array also for a Buffer, whose `slice` would not copy.
  const content = new Uint8Array(buffer, byteOffset, byteLength);
  if (content[0] !== 0x80) {
    throw new DataError(`${name}: expected a pickle of protocol 2 to 5 (first byte 0x80), got another format.`);
  }
  const budget = Math.min(freeBytes + bytesPerByte * content.length, inflatedBytes);
  try {
    const value = new PickleMachine(new PickleReader(content, { budget, milliseconds: parseMilliseconds })).run();
    checkPlainValue(value, depth);
    return value;
  } catch (error) {
    const { message } = error as Error;
    throw new DataError(
      DataError.isInstance(error)
        ? `${name}: ${message}`
        : `${name}: not a readable pickle (${message}). It is truncated or damaged.`,
      { cause: error },
    );
  }
}
