import * as tf from "@tensorflow/tfjs-core";
import { type WeightedValues, weightedMeans } from "../data/weighted-means.js";
import {
  expectTargets,
  lossAndGradients,
  metricsOf,
  type ReadMetrics,
  type StepContext,
  stackMetrics,
} from "./training-step.js";

/** Options of {@link accumulatedStep}. */
export interface AccumulatedStepOptions<Batch, Aux> extends StepContext<Batch, Aux> {
  readonly parts: number;
  /** Makes part `part` of the batch; all have the same number of examples. */
  readonly batchOf: (part: number) => Batch | Promise<Batch>;
}

/**
 * One step on a batch in parts, one after the other: averages their gradients by the weights of their targets, with only
 * one part's activations in memory at a time.
 *
 * Reads once a part, so that a backend that records first releases the part's tensors, and once at the end. `afterStep`
 * is called for each part after the optimizer's step, so that all parts see the same model.
 *
 * @returns The step's metrics: `loss` and the model's own are means over the parts, by the same weights.
 * @throws a `DataError` when no part has a target.
 */
export async function accumulatedStep<Batch, Aux>(options: AccumulatedStepOptions<Batch, Aux>): Promise<ReadMetrics> {
  const { model, parts, batchOf, optimizer, average, adversary, learningRate, random } = options;
  const kept: tf.Tensor[] = [];
  const auxes: Aux[] = [];
  const sums = new GradientSums();
  const adversarySums = new GradientSums();
  let names: string[] = [];
  const means: WeightedValues[] = [];
  // Relative to the first part that has targets: equal parts are then added as they are.
  let unit: number | undefined;
  let total = 0;
  try {
    for (let part = 0; part < parts; part++) {
      const batch = await batchOf(part);
      let weight: number | undefined;
      const metrics = tf.tidy(() => {
        const lossOptions = { training: true, random: random.fork("loss").fork(part), step: optimizer.steps };
        const found = lossAndGradients(model, batch, lossOptions, kept);
        weight = found.weight;
        if (weight !== 0) {
          unit ??= weight;
          const factor = weight === undefined ? undefined : weight / unit!;
          total += factor ?? 1;
          sums.add(found.gradients, factor);
          adversarySums.add(found.adversary?.gradients ?? {}, factor);
        }
        auxes.push(found.aux);
        // The norms, which are of the whole step, hold their places.
        const metrics = metricsOf(found, [found.value, found.value]);
        names = metrics.map(([name]) => name);
        return stackMetrics(metrics.map(([, value]) => value));
      });
      means.push({ values: [...(await read(metrics))], weight });
    }
    const whole = weightedMeans(means) ?? { values: [], weight: 0 };
    expectTargets(whole.weight);
    const norms = tf.tidy(() => {
      const norms = [optimizer.update(sums.mean(total), learningRate)];
      if (adversary !== undefined) {
        norms.push(adversary.update(adversarySums.mean(total), options.adversaryRate ?? learningRate));
      }
      average?.update(optimizer.steps);
      for (const [part, aux] of auxes.entries()) {
        model.afterStep?.(aux, random.fork("after-step").fork(part));
      }
      return stackMetrics(norms);
    });
    const [gradientNorm, adversaryGradientNorm] = await read(norms);
    const ofWholeStep = new Map([
      ["gradientNorm", gradientNorm],
      ["adversaryGradientNorm", adversaryGradientNorm],
    ]);
    const values = whole.values.map((value, i) => Math.fround(ofWholeStep.get(names[i]!) ?? value));
    return { names, values, weight: whole.weight };
  } finally {
    tf.dispose(kept);
    sums.dispose();
    adversarySums.dispose();
  }
}

/** The elements of a tensor, which is disposed, also where they cannot be computed. */
async function read(tensor: tf.Tensor): Promise<Float32Array> {
  try {
    return (await tensor.data()) as Float32Array;
  } finally {
    tensor.dispose();
  }
}

/** Gradients added up by name; a variable need not be in all of them. No `tidy` disposes the sums. */
class GradientSums {
  #sums: Record<string, tf.Tensor> = Object.create(null);

  /** Adds gradients, times `factor`. */
  add(gradients: Readonly<Record<string, tf.Tensor>>, factor = 1): void {
    const sums = this.#sums;
    // A tensor, not a constant: a backend that compiles graphs compiles one for all weights.
    const scale = factor === 1 ? undefined : tf.scalar(factor);
    const added: Record<string, tf.Tensor> = Object.create(null);
    for (const name of new Set([...Object.keys(sums), ...Object.keys(gradients)])) {
      const [sum, gradient] = [sums[name], gradients[name]];
      const scaled = gradient && scale ? tf.mul(gradient, scale) : gradient;
      added[name] = tf.keep(sum && scaled ? tf.add(sum, scaled) : tf.clone((sum ?? scaled)!));
    }
    this.#sums = added;
    tf.dispose(sums);
  }

  /** The sums over `total`; the surrounding `tf.tidy`'s. */
  mean(total: number): Record<string, tf.Tensor> {
    const means: Record<string, tf.Tensor> = Object.create(null);
    for (const [name, sum] of Object.entries(this.#sums)) {
      means[name] = tf.div(sum, total);
    }
    return means;
  }

  dispose(): void {
    tf.dispose(this.#sums);
  }
}
