import type { DataType } from "@tensorflow/tfjs-core";

/** Element types a recorded value can have. tfjs knows the first three; the others live only inside a graph. */
export type ElementType = "float32" | "int32" | "bool" | "int64" | "float64";

/** Typed arrays that hold the elements of a value on the host. */
export type HostArray = Float32Array | Int32Array | Uint8Array | BigInt64Array | Float64Array;

/** `TensorProto.DataType` of each element type. */
export const onnxTypeCodes: Readonly<Record<ElementType, number>> = {
  float32: 1,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
};

const hostArrays = {
  float32: Float32Array,
  int32: Int32Array,
  bool: Uint8Array,
  int64: BigInt64Array,
  float64: Float64Array,
} as const;

/** A zero-filled host array for `size` elements of `type`. */
export function hostArray(type: ElementType, size: number): HostArray {
  return new hostArrays[type](size);
}

/** The element type that holds tfjs's `dtype`, or null for complex64 and string, which no graph holds. */
export function elementTypeOf(dtype: DataType): ElementType | null {
  return dtype === "float32" || dtype === "int32" || dtype === "bool" ? dtype : null;
}
