import * as tf from "@tensorflow/tfjs-core";

/** A small program whose gradient runs the rule of one kernel. */
export interface Program {
  /** The kernel whose rule it is for. */
  readonly kernel: string;
  readonly name: string;
  /** Made anew for each use: tensors belong to the backend that is active. */
  inputs(): tf.Tensor[];
  run(...inputs: tf.Tensor[]): tf.Tensor;
}

type Shape = readonly number[];
interface Range {
  readonly from?: number;
  readonly to?: number;
}

/**
 * Distinct, irregular values of a shape, multiples of 1/1024, so that a step of 1/128 off each is exact in float32.
 * The second of two tensors of one shape should start elsewhere in the sequence: `start`.
 */
export function values(
  shape: Shape,
  { from = 0.25, to = 1.75, start = 1 }: Range & { readonly start?: number } = {},
): tf.Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  const at = (i: number) => from + (to - from) * (((i + start) * 0.6180339887498949) % 1);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => Math.round(at(i) * 1024) / 1024),
    [...shape],
  );
}

export const int = (data: number[], shape: Shape = [data.length]): tf.Tensor => tf.tensor(data, [...shape], "int32");

/** Programs of one kernel: what is run, and the shapes of its inputs, such as "2,3" or "" of a scalar, by name. */
export function programs(
  kernel: string,
  cases: Readonly<
    Record<string, readonly [run: (...inputs: tf.Tensor[]) => tf.Tensor, shapes: readonly string[], range?: Range]>
  >,
): Program[] {
  return Object.entries(cases).map(([name, [run, shapes, range]]) => ({
    kernel,
    name,
    run,
    inputs: () => shapes.map((shape, i) => values(sizesOf(shape), { ...range, start: 1 + 100 * i })),
  }));
}

/** A function of one tensor, on a matrix that is not square. */
export function unary(kernel: string, run: (x: tf.Tensor) => tf.Tensor, range?: Range): Program[] {
  return programs(kernel, { "": [run as Program["run"], ["2,3"], range ?? {}] });
}

/** A function of two tensors: of one shape, and each operand broadcast along an inner, an outer and a missing axis. */
export function binary(kernel: string, run: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor, range: Range = {}): Program[] {
  const pairs = ["2,3 2,3", "2,3 3", "3 2,3", "2,1 2,3", "1,3 2,1", " 2,3", "2,3 "];
  return pairs.flatMap((pair) =>
    programs(kernel, { [`[${pair.replace(" ", "] [")}]`]: [run as Program["run"], pair.split(" "), range] }),
  );
}

function sizesOf(shape: string): number[] {
  return shape === "" ? [] : shape.split(",").map(Number);
}
