/** One named array of a safetensors file. */
export interface StoredTensor {
  readonly dtype: "float32" | "int32" | "uint8";
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
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
  { code: "F16", width: 2, dtype: "float32", read: (buffer) => Float32Array.from(new Uint16Array(buffer), half) },
  { code: "BF16", width: 2, dtype: "float32", read: brainFloats },
  { code: "BOOL", width: 1, dtype: "uint8", read: (buffer) => new Uint8Array(buffer) },
  { code: "I64", width: 8, dtype: "int32", read: longs },
];

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
