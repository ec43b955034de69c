import { describeValue } from "../errors/describe-value.js";
import { ConfigError } from "../errors/errors.js";

const arrayType = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)!
  .get!;
const bufferLength = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "byteLength")!.get!;

/**
 * Whether a value is a `Uint8Array` or an `ArrayBuffer`, of this realm or of another, such as a frame's, a worker's or a
 * `vm` context's, where `instanceof` fails.
 */
export function isFileBytes(value: unknown): value is Uint8Array | ArrayBuffer {
  return arrayType.call(value) === "Uint8Array" || isArrayBuffer(value);
}

/**
 * The bytes of a file as a caller gives them: a `Uint8Array`, which is returned as it is, or an `ArrayBuffer`, which is
 * looked at without a copy; of any realm.
 *
 * @param what - The argument, for the message: `checkpoint`.
 * @throws a {@link ConfigError} when it is anything else, also from untyped callers: a path, a `Response`, a promise.
 */
export function fileBytes(value: unknown, what: string): Uint8Array {
  if (isArrayBuffer(value)) {
    return new Uint8Array(value);
  }
  if (isFileBytes(value)) {
    return value as Uint8Array;
  }
  throw new ConfigError(`${what}: expected the bytes of a file as a Uint8Array, got ${describeValue(value)}.`);
}

function isArrayBuffer(value: unknown): value is ArrayBuffer {
  try {
    return typeof value === "object" && value !== null && bufferLength.call(value) >= 0;
  } catch {
    return false;
  }
}
