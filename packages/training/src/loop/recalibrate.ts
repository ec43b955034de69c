import * as tf from "@tensorflow/tfjs-core";
import { HeldValues } from "../checkpoints/held-values.js";
import { modelVariables } from "../checkpoints/stored-variables.js";
import type { ExampleOrder } from "../data/example-order.js";
import { stepBatch } from "./take-step.js";
import type { TrainOptions } from "./train-options.js";

/**
 * Moves a model's buffers to its present weights: batches of the last steps go through it once more, with `afterStep` and
 * without an optimizer. Statistics that were of other weights, or trailed behind these, are then theirs.
 *
 * @param run - `step`: steps taken; `passes`: batches, at most as many.
 * @returns Whether all passes were made; `false` when the signal stopped them.
 */
export async function recalibrate<Batch, Aux>(
  options: TrainOptions<Batch, Aux>,
  order: ExampleOrder,
  run: { readonly step: number; readonly passes: number },
): Promise<boolean> {
  const { step, passes } = run;
  const { model, random, signal, gradientAccumulation: parts = 1 } = options;
  // `afterStep` may move parameters too, dead rows of a codebook that gradients move, and an adversary's buffers.
  const held = new HeldValues([
    ...model.parameters.values(),
    ...(model.adversary ? modelVariables(model.adversary).values() : []),
  ]);
  try {
    for (let pass = 0; pass < passes; pass++) {
      if (signal?.aborted) {
        return false;
      }
      // The last step's batch comes last.
      const batch = await stepBatch(options, order, step - passes + pass, parts > 1 ? 0 : undefined);
      const stream = random.fork("recalibration").fork(step).fork(pass);
      const loss = tf.tidy(() => {
        const { total, aux } = model.loss(batch, { training: true, random: stream.fork("loss") });
        model.afterStep?.(aux, stream.fork("after-step"));
        return total;
      });
      // A backend that records first runs the pass here, and releases its tensors.
      await loss.data();
      loss.dispose();
    }
    return true;
  } finally {
    held.restore();
    held.dispose();
  }
}
