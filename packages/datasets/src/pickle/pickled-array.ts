import { DataError, describeValue } from "@mmgen/core";

/** A numpy array of a pickle, in C order. */
export class PickledArray {
  #shape: readonly number[] = [0];
  #values: Uint8Array | readonly string[] = new Uint8Array(0);

  get shape(): readonly number[] {
    return this.#shape;
  }

  /** Row-major: numbers of uint8 arrays, strings of `U` and `object` arrays. */
  get values(): Uint8Array | readonly string[] {
    return this.#values;
  }

  /** The array of numpy's `_frombuffer(content, dtype, shape, order)`. */
  static fromBuffer([content, dtype, shape, order]: readonly unknown[], account: Account): PickledArray {
    const array = new PickledArray();
    array.#fill({ content, dtype, shape, order }, account);
    return array;
  }

  /** Sets the array's content from numpy's `(version, shape, dtype, isFortran, content)`. */
  setState(state: unknown, account: Account): void {
    if (!Array.isArray(state) || state.length !== 5) {
      throw new DataError("Pickled numpy array: expected a state of five parts.");
    }
    const [, shape, dtype, isFortran, content] = state as unknown[];
    this.#fill({ content, dtype, shape, order: isFortran === true ? "F" : isFortran === false ? "C" : "" }, account);
  }

  #fill({ content, dtype, shape, order }: Readonly<Record<string, unknown>>, account: Account): void {
    if (!(dtype instanceof PickledDtype) || !isShape(shape) || (order !== "C" && order !== "F")) {
      throw new DataError("Pickled numpy array: expected a dtype, a list of sizes and an order.");
    }
    const size = shape.reduce((product, side) => product * side, 1);
    const values = dtype.read(content, account);
    if (values.length !== size) {
      throw new DataError(
        `Pickled numpy array: shape (${shape.join(", ")}) asks for ${size} values, got ${values.length}.`,
      );
    }
    account.spend(8 * shape.length + (order === "F" ? 2 * size : 0));
    this.#shape = [...shape];
    this.#values = order === "F" ? toRowMajor(values, shape) : values;
  }
}

/** Counts bytes, or visits of values, before they are made; throws where there are too many. */
export interface Account {
  spend(bytes: number): void;
}

/** The dtype of images (uint8) or captions (strings, objects). */
export class PickledDtype {
  readonly #code: string;

  /** @param args - Of `numpy.dtype`: the type's code, then whether to align and to copy. */
  constructor([code]: readonly unknown[]) {
    if (typeof code !== "string" || !/^([|<]?u1|O8?|[<]?U\d{1,6})$/.test(code)) {
      throw new DataError(
        `Pickled numpy array: dtype ${describeValue(code)} is not supported; expected uint8, str or object.`,
      );
    }
    this.#code = code.replace(/^[|<]/, "");
  }

  /** `(version, byte order, …)`: only little-endian and orderless values are read. */
  setState(state: unknown): void {
    if (!Array.isArray(state) || !["|", "<", "="].includes(state[1] as string)) {
      throw new DataError("Pickled numpy array: expected little-endian values.");
    }
  }

  read(content: unknown, account: Account): Uint8Array | readonly string[] {
    if (this.#code.startsWith("O")) {
      if (!Array.isArray(content)) {
        throw new DataError("Pickled numpy array of objects: expected a list.");
      }
      account.spend(8 * content.length);
      if (!content.every((item) => typeof item === "string")) {
        throw new DataError("Pickled numpy array of objects: expected strings only.");
      }
      // A copy: what follows in the file may change the list.
      return [...content];
    }
    const bytes = toBytes(content, account);
    return this.#code === "u1" ? bytes : readStrings(bytes, Number(this.#code.slice(1)), account);
  }
}

const maxAxes = 8;
/** Sizes are compared with the number of values; this keeps those of empty arrays within reason too. */
const maxSize = 2 ** 32;

function isShape(shape: unknown): shape is number[] {
  return (
    Array.isArray(shape) &&
    shape.length <= maxAxes &&
    shape.every((size) => Number.isInteger(size) && size >= 0 && size <= maxSize)
  );
}

/** Bytes as they are, or as text whose characters are the bytes. */
export function toBytes(content: unknown, account: Account): Uint8Array {
  if (content instanceof Uint8Array) {
    return content;
  }
  if (typeof content !== "string") {
    throw new DataError("Pickled numpy array: expected its values as bytes.");
  }
  account.spend(content.length);
  const bytes = new Uint8Array(content.length);
  for (let i = 0; i < content.length; i++) {
    const code = content.charCodeAt(i);
    if (code > 255) {
      throw new DataError("Pickled numpy array: expected bytes written as latin1, got another character.");
    }
    bytes[i] = code;
  }
  return bytes;
}

/** Fixed-width strings of four bytes a character, filled up with zeros. */
function readStrings(bytes: Uint8Array, width: number, account: Account): string[] {
  if (width === 0 || bytes.length % (4 * width) !== 0) {
    throw new DataError(`Pickled numpy array of U${width}: ${bytes.length} bytes are no whole number of strings.`);
  }
  account.spend(bytes.length + 32 * (bytes.length / (4 * width)));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const strings: string[] = [];
  for (let start = 0; start < bytes.length; start += 4 * width) {
    let end = start + 4 * width;
    while (end > start && view.getUint32(end - 4, true) === 0) {
      end -= 4;
    }
    let text = "";
    for (let at = start; at < end; at += 4) {
      const code = view.getUint32(at, true);
      if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
        throw new DataError("Pickled numpy array of strings: a character is outside Unicode.");
      }
      text += String.fromCodePoint(code);
    }
    strings.push(text);
  }
  return strings;
}

/** Values from column-major (first axis fastest) to row-major order. */
function toRowMajor(values: Uint8Array | readonly string[], shape: readonly number[]): Uint8Array | readonly string[] {
  const moved: Uint8Array | string[] = values instanceof Uint8Array ? new Uint8Array(values.length) : [...values];
  const position = shape.map(() => 0);
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, side) => product * side, 1));
  let from = 0;
  for (let to = 0; to < values.length; to++) {
    moved[to] = values[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      position[axis]! += 1;
      from += strides[axis]!;
      if (position[axis]! < shape[axis]!) {
        break;
      }
      from -= strides[axis]! * shape[axis]!;
      position[axis] = 0;
    }
  }
  return moved;
}
