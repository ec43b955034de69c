import { DataError } from "@mmgen/core";

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

  /** Sets the array's content from numpy's `(version, shape, dtype, isFortran, data)`. */
  __setstate__(state: unknown): void {
    if (!Array.isArray(state) || state.length !== 5) {
      throw new DataError("Pickled numpy array: expected a state of five parts.");
    }
    this.fill(state[4], state[2], state[1], state[3] === true);
  }

  /** Checks and sets content, shape and order. */
  fill(content: unknown, dtype: unknown, shape: unknown, isFortran: boolean): void {
    if (!(dtype instanceof PickledDtype) || !isShape(shape)) {
      throw new DataError("Pickled numpy array: expected a dtype and a list of sizes.");
    }
    const size = shape.reduce((product, side) => product * side, 1);
    const values = dtype.read(content);
    if (values.length !== size) {
      throw new DataError(
        `Pickled numpy array: shape (${shape.join(", ")}) asks for ${size} values, got ${values.length}.`,
      );
    }
    this.#shape = [...shape];
    this.#values = isFortran ? toRowMajor(values, shape) : values;
  }
}

/** The dtype of images (uint8) or captions (strings, objects). */
class PickledDtype {
  readonly #code: string;

  constructor(code: unknown) {
    if (typeof code !== "string" || !/^([|<]?u1|O8?|[<]?U\d{1,6})$/.test(code)) {
      throw new DataError(
        `Pickled numpy array: dtype ${String(code)} is not supported; expected uint8, str or object.`,
      );
    }
    this.#code = code.replace(/^[|<]/, "");
  }

  /** `(version, byte order, …)`: only little-endian and orderless values are read. */
  __setstate__(state: unknown): void {
    if (!Array.isArray(state) || !["|", "<", "="].includes(state[1] as string)) {
      throw new DataError("Pickled numpy array: expected little-endian values.");
    }
  }

  read(content: unknown): Uint8Array | readonly string[] {
    if (this.#code.startsWith("O")) {
      if (Array.isArray(content) && content.every((item) => typeof item === "string")) {
        return content;
      }
      throw new DataError("Pickled numpy array of objects: expected strings only.");
    }
    const bytes = toBytes(content);
    return this.#code === "u1" ? bytes : readStrings(bytes, Number(this.#code.slice(1)));
  }
}

/**
 * The Python names that numpy's pickles use, under the module paths of numpy 1 and 2, each with the function that
 * replaces it. Created for each pickle, so that no pickle can change how another is read.
 */
export function numpyNames(): ReadonlyMap<string, (...args: unknown[]) => unknown> {
  const ndarray = () => refuseCall("numpy.ndarray");
  const names = new Map<string, (...args: unknown[]) => unknown>();
  names.set("numpy.ndarray", ndarray);
  names.set("numpy.dtype", (...args) => new PickledDtype(args[0]));
  // Protocol 2 writes bytes as text, to be encoded again.
  names.set("_codecs.encode", (text, encoding) => {
    if (typeof text !== "string" || encoding !== "latin1") {
      throw new DataError("Pickle: expected _codecs.encode of a text to latin1.");
    }
    return toBytes(text);
  });
  for (const core of ["numpy.core", "numpy._core"]) {
    names.set(`${core}.multiarray._reconstruct`, (type) => {
      if (type !== ndarray) {
        throw new DataError("Pickled numpy array: expected numpy.ndarray itself, got a subclass.");
      }
      return new PickledArray();
    });
    names.set(`${core}.numeric._frombuffer`, (content, dtype, shape, order) => {
      const array = new PickledArray();
      array.fill(content, dtype, shape, order === "F");
      return array;
    });
  }
  return names;
}

function refuseCall(name: string): never {
  throw new DataError(`Pickle: refused a direct call of ${name}.`);
}

function isShape(shape: unknown): shape is number[] {
  return Array.isArray(shape) && shape.length <= 8 && shape.every((size) => Number.isInteger(size) && size >= 0);
}

function toBytes(content: unknown): Uint8Array {
  if (content instanceof Uint8Array) {
    return content;
  }
  if (typeof content !== "string") {
    throw new DataError("Pickled numpy array: expected its values as bytes.");
  }
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

/** Fixed-width strings of four bytes a character, padded with zeros. */
function readStrings(bytes: Uint8Array, width: number): string[] {
  if (width === 0 || bytes.length % (4 * width) !== 0) {
    throw new DataError(`Pickled numpy array of U${width}: ${bytes.length} bytes are no whole number of strings.`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const strings: string[] = [];
  for (let start = 0; start < bytes.length; start += 4 * width) {
    let text = "";
    for (let at = start; at < start + 4 * width; at += 4) {
      const code = view.getUint32(at, true);
      if (code > 0x10ffff) {
        throw new DataError("Pickled numpy array of strings: a character is outside Unicode.");
      }
      text += code === 0 ? "" : String.fromCodePoint(code);
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
