import { KernelError } from "@mmgen/core";
import type { backend_util, DataType } from "@tensorflow/tfjs-core";

/** Element types of recorded values. tfjs has the first three; the others occur only inside a graph. */
export type ElementType = "float32" | "int32" | "bool" | "uint32" | "int64" | "float64";

/** Typed arrays that hold elements on the host. */
export type HostArray = Float32Array | Int32Array | Uint8Array | Uint32Array | BigInt64Array | Float64Array;

/** `TensorProto.DataType` of each element type. */
export const onnxTypeCodes: Readonly<Record<ElementType, number>> = {
  float32: 1,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
  uint32: 12,
};

const hostArrays = {
  float32: Float32Array,
  int32: Int32Array,
  bool: Uint8Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  float64: Float64Array,
} as const;

/** A zero-filled host array for `size` elements of `type`. */
export function hostArray(type: ElementType, size: number): HostArray {
  return new hostArrays[type](size);
}

/** The element type of a tfjs `dtype`; undefined for complex64 and string, which no graph holds. */
export function elementTypeOf(dtype: DataType): ElementType | undefined {
  return dtype === "float32" || dtype === "int32" || dtype === "bool" ? dtype : undefined;
}

/**
 * Converts values from tfjs to the array class of their element type.
 *
 * @param copy - Whether the caller may change `values` later: a lazy graph reads them later.
 */
export function toHostArray(type: ElementType, values: backend_util.BackendValues, copy: boolean): HostArray {
  const source = values as Float32Array | Int32Array | Uint8Array;
  const fits = source.constructor === hostArray(type, 0).constructor;
  if (fits && !copy) {
    return source;
  }
  let target: Float32Array;
  try {
    target = hostArray(type, source.length) as Float32Array;
  } catch (error) {
    throw asMemoryError(error, `a copy of ${source.length} ${type} values`);
  }
  target.set(source);
  return target;
}

/** The error to throw for a failure: a {@link KernelError} where JavaScript could not allocate an array. */
export function asMemoryError(error: unknown, use: string): unknown {
  return error instanceof RangeError && /array (buffer|length)|allocation/i.test(error.message)
    ? new KernelError(`There is not enough memory for ${use}: ${error.message}. Reduce the batch size.`, {
        cause: error,
      })
    : error;
}
