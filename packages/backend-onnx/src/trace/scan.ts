import * as tf from "@tensorflow/tfjs-core";

/** Tensors handed on from step to step, and those set aside at each. */
export interface ScanState {
  readonly carry: tf.Tensor[];
  readonly outputs: tf.Tensor[];
}

/**
 * Runs `body` over the first axis of `inputs`. The steps are recorded one after the other, so the loop becomes part of
 * the graph it stands in; its length is part of the graph's structure.
 */
export function scan(
  body: (carry: tf.Tensor[], inputs: tf.Tensor[]) => ScanState,
  carry: readonly tf.Tensor[],
  inputs: readonly tf.Tensor[],
): ScanState {
  return tf.tidy(() => {
    const slices = inputs.map((input) => tf.unstack(input));
    const steps = slices[0]?.length ?? 0;
    let current = carry.map((tensor) => tf.clone(tensor));
    const outputs: tf.Tensor[][] = [];
    for (let step = 0; step < steps; step++) {
      const result = body(
        current,
        slices.map((parts) => parts[step]!),
      );
      current = result.carry;
      outputs.push(result.outputs);
    }
    const stacked = (outputs[0] ?? []).map((_, i) => tf.stack(outputs.map((step) => step[i]!)));
    return { carry: current, outputs: stacked } as unknown as tf.TensorContainer;
  }) as unknown as ScanState;
}
