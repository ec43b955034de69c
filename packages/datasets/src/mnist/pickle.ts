import { DataError } from "@mmgen/core";
import { BufferReader, Parser } from "pickleparser";
import { numpyNames, type PickledArray } from "./pickled-array.js";

/** A value of a pickle: plain containers and values, and numpy arrays. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickledArray
  | readonly PickleValue[]
  | ReadonlySet<PickleValue>
  | ReadonlyMap<PickleValue, PickleValue>;

/**
 * Reads a Python pickle of plain containers and numpy arrays, protocols 2 to 5.
 *
 * Nothing in the file is run. A pickle asks for Python functions by name; the few that build numpy arrays are replaced
 * by functions of this package, and any other name is refused.
 *
 * @param bytes - The whole file; borrowed, arrays may be views of it.
 * @param name - What messages call the file.
 * @throws a {@link DataError} naming the function asked for when it is none of numpy's, or saying how the file is damaged.
 */
export function parsePickle(bytes: Uint8Array, name = "pickle"): PickleValue {
  if (bytes[0] !== 0x80) {
    throw new DataError(`${name}: expected a pickle of protocol 2 to 5 (first byte 0x80), got another format.`);
  }
  const refuse = (what: string) => {
    throw new DataError(
      `${name}: refused, as it asks for ${what}. Only plain containers and numpy arrays are read; nothing was run.`,
    );
  };
  const known = numpyNames();
  const parser = new Parser({
    nameResolver: {
      resolve: (module, symbol) => known.get(`${module}.${symbol}`) ?? refuse(`${module}.${symbol}`),
    },
    persistentResolver: { resolve: () => refuse("a persistent object") },
    extensionResolver: { resolve: () => refuse("a registered extension") },
    unpicklingTypeOfDictionary: "Map",
    unpicklingTypeOfSet: "Set",
  });
  try {
    // A plain Uint8Array also for a Buffer, whose `slice` would not copy.
    return parser.read<PickleValue>(
      new ForwardReader(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
    );
  } catch (error) {
    if (DataError.isInstance(error)) {
      throw error;
    }
    throw new DataError(`${name}: not a readable pickle (${(error as Error).message}). It is truncated or damaged.`, {
      cause: error,
    });
  }
}

/** A reader that only goes forward: a negative length would make the parser read the same bytes for ever. */
class ForwardReader extends BufferReader {
  override skip(offset: number): void {
    if (!(offset >= 0 && offset <= this.length - this.position)) {
      throw new Error(`expected ${offset} more bytes, found ${this.length - this.position}`);
    }
    super.skip(offset);
  }

  override uint64(): number {
    const low = this.uint32();
    return low + 2 ** 32 * this.uint32();
  }
}
