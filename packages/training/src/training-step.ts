// `tf.variableGrads` needs the gradients of ordinary operations, which tfjs-core alone does not have.
import "@mmgen/nn/gradients";
import { ConfigError, type LossResult, type Random } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import type { AdamW } from "./adamw.js";
import { type TensorTrainable, tensorsIn } from "./tensor-trainable.js";

/** What a step came to, by name: `loss`, `gradientNorm` and the model's own metrics. */
export interface StepFigures {
  readonly names: readonly string[];
  /** `[names.length]`; the caller's. */
  readonly values: tf.Tensor1D;
}

/** Options of {@link trainingStep}. */
export interface TrainingStepOptions<Batch, Aux> {
  readonly model: TensorTrainable<Batch, Aux>;
  readonly batch: Batch;
  readonly optimiser: AdamW;
  /** Of this step. */
  readonly learningRate: number;
  /** This step's own stream. */
  readonly random: Random;
}

/**
 * One step: loss, gradients, optimiser, `afterStep`. Reads nothing; all figures come in one tensor, so that reading it
 * runs the whole step at once on a backend that records first.
 *
 * @returns The step's figures; `values` is yours to dispose.
 */
export function trainingStep<Batch, Aux>(options: TrainingStepOptions<Batch, Aux>): StepFigures {
  const { model, batch, optimiser, learningRate, random } = options;
  const variables = [...model.variables.values()];
  const passed: tf.Tensor[] = [];
  try {
    let names: string[] = [];
    const values = tf.tidy(() => {
      let result: LossResult<tf.Scalar, Aux> | undefined;
      // `variableGrads` tidies what the loss made but for the total: what is needed after it has to be kept.
      const { value, grads } = tf.variableGrads(() => {
        result = model.loss(batch, { training: true, random: random.fork("loss") });
        passed.push(...tensorsIn(Object.values(result.metrics)), ...tensorsIn(result.aux));
        passed.forEach(tf.keep);
        return result.total;
      }, variables);
      const { metrics, aux } = result!;
      const gradients: Record<string, tf.Tensor> = {};
      for (const [name, variable] of model.variables) {
        const gradient = grads[variable.name];
        if (gradient != null) {
          gradients[name] = gradient;
        }
      }
      const norm = optimiser.update(gradients, learningRate);
      model.afterStep?.(aux, random.fork("after-step"));
      names = ["loss", "gradientNorm", ...Object.keys(metrics)];
      if (new Set(names).size !== names.length) {
        throw new ConfigError(
          'A model\'s metrics may not be named "loss" or "gradientNorm": the loop reports those itself.',
        );
      }
      return tf.stack(
        [value, norm, ...Object.values(metrics)].map((figure) => tf.cast(figure, "float32")),
      ) as tf.Tensor1D;
    });
    return { names, values };
  } finally {
    tf.dispose(passed);
  }
}
