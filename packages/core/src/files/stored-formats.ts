/** One named array of a safetensors file. */
export interface StoredTensor {
  readonly dtype: "float32" | "int32" | "uint8" | "int8";
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array | Int8Array;
  /**
   * `F16`: float32 values are written in half precision, each as the nearest one, ties to even; beyond ±65504 that is
   * infinity. Readers leave it out. Default: as the dtype.
   */
  readonly storedAs?: "F16" | undefined;
}

/** How a safetensors file holds an array, and as what it is read. */
export interface StoredFormat {
  /** The file's word for it. */
  readonly code: string;
  /** Bytes a value. */
  readonly width: number;
  /** What it is read as; the first format of a dtype is the one that is written. */
  readonly dtype: StoredTensor["dtype"];
  /** The whole buffer's values, which may lie in it; undefined where one does not fit the dtype. */
  read(buffer: ArrayBuffer): StoredTensor["data"] | undefined;
}

export const storedFormats: readonly StoredFormat[] = [
  { code: "F32", width: 4, dtype: "float32", read: (buffer) => new Float32Array(buffer) },
  { code: "I32", width: 4, dtype: "int32", read: (buffer) => new Int32Array(buffer) },
  { code: "U8", width: 1, dtype: "uint8", read: (buffer) => new Uint8Array(buffer) },
  { code: "I8", width: 1, dtype: "int8", read: (buffer) => new Int8Array(buffer) },
  { code: "F16", width: 2, dtype: "float32", read: (buffer) => Float32Array.from(new Uint16Array(buffer), half) },
  { code: "BF16", width: 2, dtype: "float32", read: brainFloats },
  { code: "BOOL", width: 1, dtype: "uint8", read: (buffer) => new Uint8Array(buffer) },
  { code: "I64", width: 8, dtype: "int32", read: longs },
];

/**
 * An array as a file is to hold it.
 *
 * @returns The format, and the values in it; of another array than the given one only where they had to be converted.
 */
export function storedForm({ dtype, data, storedAs }: Pick<StoredTensor, "dtype" | "data" | "storedAs">): {
  readonly code: string;
  readonly data: StoredTensor["data"] | Uint16Array;
} {
  const { code } = storedFormats.find((format) => format.dtype === dtype)!;
  return storedAs === undefined ? { code, data } : { code: storedAs, data: Uint16Array.from(data, halfBits) };
}

const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

/** The nearest binary16 of a number, ties to even. */
function halfBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(size)) {
    return 0x7e00;
  }
  // Halfway between the largest half and the next power of two, which is even.
  if (size >= 65520) {
    return sign | 0x7c00;
  }
  // The exponent of the value's binade; below 2⁻¹⁴ halves are evenly spaced. A carry out of the fraction is the next binade.
  single[0] = size;
  const exponent = Math.max((singleBits[0]! >>> 23) - 127, -14);
  const steps = roundToEven(size * 2 ** (10 - exponent));
  return sign | (steps + ((exponent + 14) << 10));
}

/** The nearest whole number to one in [0, 2048], ties to even. */
function roundToEven(value: number): number {
  const below = Math.floor(value);
  const over = value - below;
  return over > 0.5 || (over === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/** IEEE 754 binary16: a sign, five bits of exponent and ten of fraction. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) {
    return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  }
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The upper halves of float32. */
function brainFloats(buffer: ArrayBuffer): Float32Array {
  const upper = Uint32Array.from(new Uint16Array(buffer), (bits) => (bits << 16) >>> 0);
  return new Float32Array(upper.buffer);
}

function longs(buffer: ArrayBuffer): Int32Array | undefined {
  const wide = new BigInt64Array(buffer);
  return wide.every((value) => value === BigInt.asIntN(32, value)) ? Int32Array.from(wide, Number) : undefined;
}
