import { DataError } from "@mmgen/core";

/** What reading a pickle may take. */
export interface PickleBudget {
  /** Bytes that may be made, copied or visited. */
  readonly budget: number;
  /** From the reader's creation on. */
  readonly milliseconds: number;
}

/** Operations between two looks at the clock. */
const operationsPerLook = 2 ** 14;
/** What an operation counts as, whatever it does: a place on the stack. */
const bytesPerOperation = 8;
/** Longer whole numbers are refused: 255 bytes are 10^613. */
const maxIntegerLength = 255;
/** Bytes up to which text is faster without a decoder. */
const maxShortText = 64;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The bytes of a pickle, read forward only, and the account of what reading it has taken.
 *
 * All methods throw a {@link DataError} where the file ends too early or the budget is used up.
 */
export class PickleReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #budget: number;
  readonly #deadline: number;
  #spent = 0;
  #operations = 0;
  #position = 0;

  constructor(bytes: Uint8Array, { budget, milliseconds }: PickleBudget) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#budget = budget;
    this.#deadline = performance.now() + milliseconds;
  }

  /** Counts bytes before they are made. */
  spend(bytes: number): void {
    this.#spent += bytes;
    if (this.#spent > this.#budget) {
      throw new DataError(
        `refused, as reading its ${this.#bytes.length} bytes takes more than ${this.#budget} bytes of memory or work ` +
          "(16 MiB and 16 bytes a byte, at most limits.inflatedBytes). Store the data in parts.",
      );
    }
  }

  /** The next operation's code. */
  opcode(): number {
    this.spend(bytesPerOperation);
    if (++this.#operations % operationsPerLook === 0 && performance.now() > this.#deadline) {
      throw new DataError("refused, as reading it takes longer than limits.parseMilliseconds.");
    }
    return this.uint8();
  }

  uint8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  /** Exact below 2⁵³; larger ones exceed every file. */
  uint64(): number {
    const low = this.uint32();
    return low + 2 ** 32 * this.uint32();
  }

  /** Big-endian, as pickles have it. */
  float64(): number {
    return this.#view.getFloat64(this.#advance(8));
  }

  /** A view of the next bytes. */
  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** A whole number in two's complement, little-endian. */
  integer(length: number): number | bigint {
    if (length > maxIntegerLength) {
      throw new DataError(
        `refused, as it holds a whole number of ${length} bytes; expected at most ${maxIntegerLength}.`,
      );
    }
    const bytes = this.bytes(length);
    // Whole words of 8 bytes, the last filled up with the sign.
    const words = new DataView(new ArrayBuffer(Math.ceil(length / 8) * 8));
    for (let i = 0; i < words.byteLength; i++) {
      words.setUint8(i, bytes[i] ?? (length > 0 && bytes[length - 1]! >= 0x80 ? 0xff : 0));
    }
    let value = 0n;
    for (let at = words.byteLength - 8; at >= 0; at -= 8) {
      value = (value << 64n) | words.getBigUint64(at, true);
    }
    value = BigInt.asIntN(8 * words.byteLength, value);
    const asNumber = Number(value);
    return Number.isSafeInteger(asNumber) ? asNumber : value;
  }

  /** Text in UTF-8, a byte order mark kept. */
  text(length: number): string {
    const bytes = this.bytes(length);
    this.spend(32 + 2 * length);
    if (length <= maxShortText && isAscii(bytes)) {
      return fromCharCodes(bytes);
    }
    try {
      return utf8.decode(bytes);
    } catch (error) {
      throw new DataError("not a readable pickle: it holds text that is not UTF-8. It is damaged.", { cause: error });
    }
  }

  /** Text whose characters are bytes, as Python 2 wrote both texts and bytes. */
  latin1(length: number): string {
    const bytes = this.bytes(length);
    this.spend(32 + 2 * length);
    let text = "";
    for (let start = 0; start < length; start += 8192) {
      text += fromCharCodes(bytes.subarray(start, start + 8192));
    }
    return text;
  }

  /** Text up to the end of its line, which ends within 1000 bytes. */
  line(): string {
    const end = this.#bytes.subarray(this.#position, this.#position + 1000).indexOf(0x0a);
    if (end < 0) {
      throw new DataError("not a readable pickle: a name in it does not end. It is truncated or damaged.");
    }
    const text = this.text(end);
    this.#advance(1);
    return text;
  }

  /** Where the next bytes begin; moves behind them. */
  #advance(length: number): number {
    const left = this.#bytes.length - this.#position;
    if (!(length >= 0 && length <= left)) {
      throw new DataError(
        `not a readable pickle: expected ${length} more bytes, found ${left}. It is truncated or damaged.`,
      );
    }
    const start = this.#position;
    this.#position += length;
    return start;
  }

  /** Checks that so many bytes follow, without reading them. */
  expect(length: number): void {
    const position = this.#position;
    this.#advance(length);
    this.#position = position;
  }
}

function isAscii(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i]! >= 0x80) {
      return false;
    }
  }
  return true;
}

/** Faster than by spreading, which iterates. */
function fromCharCodes(bytes: Uint8Array): string {
  return String.fromCharCode.apply(undefined, bytes as unknown as number[]);
}
