import { CheckpointError, quote, type StoredTensor } from "@mmgen/core";

/** What stands behind a quantized weight's name in the name of its scales. */
const scaleSuffix = "_scale";

/** The largest whole number that a value is written as; −128 is not used. */
const maxQuantized = 127;

/**
 * Writes a weight in 8 bits a value: whole numbers from −127 to 127 and, for each index of the first axis, a scale that
 * they are multiplied by.
 *
 * A row's scale is its largest absolute value over 127, rounded up to 17 significant bits, so that every product is exact
 * in float32, the same on every machine, and quantizing it again gives the same file. A value is off by half a scale at
 * most, a 254th of the largest one of its row.
 *
 * @param weight - float32 of at least one axis, finite; borrowed.
 * @returns Two arrays of a file, the weight's (`I8`) and `<name>_scale` (`F32`, `[rows]`).
 */
export function quantizedWeight(name: string, { shape, data }: StoredTensor): [string, StoredTensor][] {
  const [rows = 0] = shape;
  const width = data.length / rows;
  const scales = new Float32Array(rows);
  const values = new Int8Array(data.length);
  for (let row = 0; row < rows; row++) {
    let largest = 0;
    for (let at = row * width; at < (row + 1) * width; at++) {
      largest = Math.max(largest, Math.abs(data[at]!));
    }
    const scale = roundUp(largest / maxQuantized);
    scales[row] = scale;
    for (let at = row * width; scale > 0 && at < (row + 1) * width; at++) {
      values[at] = Math.round(data[at]! / scale);
    }
  }
  return [
    [name, { dtype: "int8", shape, data: values }],
    [`${name}${scaleSuffix}`, { dtype: "float32", shape: [rows], data: scales }],
  ];
}

/**
 * A file's arrays with the quantized ones among them as float32 again, each computed when its `data` is first read. The
 * scales are no arrays of their own any more.
 *
 * @param tensors - Borrowed; returned as they are where none is quantized.
 * @throws a {@link CheckpointError} where an array's scales are missing, of another shape or dtype, negative or not finite.
 */
export function dequantizedWeights(tensors: ReadonlyMap<string, StoredTensor>): ReadonlyMap<string, StoredTensor> {
  const quantized = [...tensors].filter(([, { dtype }]) => dtype === "int8");
  if (quantized.length === 0) {
    return tensors;
  }
  const weights = new Map(tensors);
  for (const [name, tensor] of quantized) {
    const scales = scalesOf(name, tensor, tensors);
    weights.delete(`${name}${scaleSuffix}`);
    weights.set(name, lazyWeight(tensor, scales));
  }
  return weights;
}

function scalesOf(name: string, { shape }: StoredTensor, tensors: ReadonlyMap<string, StoredTensor>): Float32Array {
  const found = tensors.get(`${name}${scaleSuffix}`);
  const expected = `float32 [${shape[0] ?? "rows"}], a scale for each row of the 8-bit weight ${quote(name)}`;
  const refused = (got: string) =>
    new CheckpointError(
      `${quote(`${name}${scaleSuffix}`)}: expected ${expected}, got ${got}. The file is damaged or was edited: save the model again.`,
    );
  if (found === undefined) {
    throw refused("no such array");
  }
  if (shape.length === 0 || found.dtype !== "float32" || found.shape.length !== 1 || found.shape[0] !== shape[0]) {
    const of = shape.length === 0 ? " for a weight without an axis" : "";
    throw refused(`${found.dtype} [${found.shape.join(", ")}]${of}`);
  }
  const scales = found.data as Float32Array;
  const wrong = scales.findIndex((scale) => !(scale >= 0 && scale < Number.POSITIVE_INFINITY));
  if (wrong >= 0) {
    throw refused(`${scales[wrong]} at index ${wrong}`);
  }
  return scales;
}

function lazyWeight({ shape, data }: StoredTensor, scales: Float32Array): StoredTensor {
  let weight: Float32Array | undefined;
  return {
    dtype: "float32",
    shape,
    get data() {
      const width = data.length / scales.length;
      weight ??= Float32Array.from(data, (value, at) => value * scales[Math.floor(at / width)]!);
      return weight;
    },
  };
}

const single = new Float32Array(1);
const bits = new Uint32Array(single.buffer);

/** A positive number in float32, its last 7 bits 0: as many as a product with a number up to 127 adds. */
function roundUp(value: number): number {
  single[0] = value;
  bits[0] = (bits[0]! + 0x7f) & ~0x7f;
  return single[0]!;
}
