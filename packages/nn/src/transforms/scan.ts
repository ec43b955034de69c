import { ShapeError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import type { FunctionTransforms } from "./compile.js";

/** The carry after the last step, and the outputs of every step. */
export interface ScanResult {
  readonly carry: tf.Tensor[];
  readonly outputs: tf.Tensor[];
}

/** One step of {@link scan}: the carry and this step's slice of each input in, the next carry and outputs out. */
export type ScanBody = (carry: tf.Tensor[], inputs: tf.Tensor[]) => ScanResult;

/**
 * Loops `body` over the first axis of `inputs`, with a carry that each step passes to the next.
 *
 * A backend that can runs the loop natively, with the body traced once; on every other backend it is a plain loop.
 * `body` must keep the shapes of the carry, read no values and change no variable.
 *
 * @param body - Borrows what it is given; what it returns is taken over.
 * @param carry - The first step's carry; borrowed.
 * @param inputs - At least one tensor, `[steps, …]` each with the same `steps ≥ 1`; borrowed.
 * @returns The last carry, and the outputs of all steps stacked to `[steps, …]`; yours to dispose.
 * @throws a {@link ShapeError} when the inputs differ in length, or the body changes the carry's shapes.
 */
export function scan(body: ScanBody, carry: readonly tf.Tensor[], inputs: readonly tf.Tensor[]): ScanResult {
  const steps = countSteps(inputs);
  const backend = tf.backend() as tf.KernelBackend & FunctionTransforms;
  if (backend.scan) {
    return backend.scan(body, carry, inputs);
  }
  return tf.tidy(() => {
    let current = carry.map((tensor) => tf.clone(tensor));
    const outputs: tf.Tensor[][] = [];
    for (let step = 0; step < steps; step++) {
      const previous = current;
      // A tidy of its own frees each step's intermediates before the next one starts.
      const result = tf.tidy(() => {
        const { carry, outputs } = body(
          previous,
          inputs.map((input) => sliceStep(input, step)),
        );
        return [carry, outputs] as [tf.Tensor[], tf.Tensor[]];
      });
      checkCarry(previous, result[0]);
      current = result[0];
      outputs.push(result[1]);
    }
    const stacked = outputs[0]!.map((_, i) => tf.stack(outputs.map((step) => step[i]!)));
    return { carry: current, outputs: stacked } as { carry: tf.Tensor[]; outputs: tf.Tensor[] };
  });
}

/** Whether the active backend runs {@link scan} as a loop of its own, so that many short steps are worth one. */
export function runsLoopsNatively(): boolean {
  const { runsLoops = true, scan } = tf.backend() as tf.KernelBackend & FunctionTransforms;
  return typeof scan === "function" && runsLoops;
}

function countSteps(inputs: readonly tf.Tensor[]): number {
  const steps = inputs[0]?.shape[0];
  if (steps === undefined || steps < 1 || inputs.some((input) => input.shape[0] !== steps)) {
    const shapes = inputs.map((input) => `[${input.shape.join(", ")}]`).join(", ");
    throw new ShapeError(`scan: expected inputs that share a first axis of at least 1, got ${shapes || "none"}.`);
  }
  return steps;
}

function sliceStep(input: tf.Tensor, step: number): tf.Tensor {
  const rest = input.shape.slice(1);
  return tf.reshape(tf.slice(input, [step, ...rest.map(() => 0)], [1, ...rest]), rest);
}

function checkCarry(before: readonly tf.Tensor[], after: readonly tf.Tensor[]): void {
  const same =
    before.length === after.length &&
    before.every((tensor, i) => tensor.dtype === after[i]!.dtype && `${tensor.shape}` === `${after[i]!.shape}`);
  if (!same) {
    const describe = (list: readonly tf.Tensor[]) => list.map((t) => `${t.dtype}[${t.shape.join(", ")}]`).join(", ");
    throw new ShapeError(
      `scan: the body turned a carry of ${describe(before)} into ${describe(after)}; keep its shapes and dtypes.`,
    );
  }
}
