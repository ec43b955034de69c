import type { Random } from "@mmgen/core";
import type * as tf from "@tensorflow/tfjs-core";
import { uploadOwned } from "./upload-owned.js";

/** A tensor of random numbers, and how they are drawn. */
export interface DrawnTensor {
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int32" | "bool";
  /**
   * Draws as many numbers as the shape has places; depends on nothing but the stream.
   *
   * @param out - What an earlier call returned, to be written again if the function likes. Absent: a new array.
   */
  readonly draw: (random: Random, out?: DrawnNumbers) => DrawnNumbers;
}

/** As {@link DrawnTensor} draws them. */
export type DrawnNumbers = Float32Array | Int32Array | Uint8Array;

/** Name of the method by which a stand-in for a stream takes part in {@link drawnTensor}. */
export const drawTensor: unique symbol = Symbol.for("@mmgen/nn draw tensor") as never;

/** What stands for a stream while a function is recorded that will run with the draws of many. */
export interface DrawRecorder {
  [drawTensor](drawn: DrawnTensor): tf.Tensor;
}

/**
 * Uploads random numbers that are drawn on the host, so that a seed gives the same ones on every backend.
 *
 * Layers and models draw with it what they need in a training step: a loop that compiles its steps then records what is to
 * be drawn, and draws anew for every step.
 *
 * @param random - The stream; moved on.
 * @returns Yours to dispose.
 */
export function drawnTensor(random: Random, drawn: DrawnTensor): tf.Tensor {
  const recorder = random as Random & Partial<DrawRecorder>;
  return recorder[drawTensor]?.(drawn) ?? uploadOwned(drawn.draw(random), drawn.shape, drawn.dtype);
}
