import * as tf from "@tensorflow/tfjs-core";
import {
  lossAndGradients,
  metricsOf,
  type ReadMetrics,
  type StepContext,
  stackMetrics,
} from "../loop/training-step.js";
import { PartMetrics } from "./part-metrics.js";

/** A batch in parts. */
export interface BatchParts<Batch> {
  readonly parts: number;
  /** Makes part `part` of the batch; all have the same number of examples. */
  readonly batchOf: (part: number) => Batch | Promise<Batch>;
}

/** Options of {@link accumulatedStep}. */
export interface AccumulatedStepOptions<Batch, Aux> extends StepContext<Batch, Aux>, BatchParts<Batch> {}

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
  const ofParts = new PartMetrics();
  let names: string[] = [];
  try {
    for (let part = 0; part < parts; part++) {
      const batch = await batchOf(part);
      let weight: number | undefined;
      const metrics = tf.tidy(() => {
        const lossOptions = { training: true, random: random.fork("loss").fork(part), step: optimizer.steps };
        const found = lossAndGradients(model, batch, lossOptions, kept);
        weight = found.weight;
        const factor = ofParts.factorOf(weight);
        if (factor !== 0) {
          sums.add(found.gradients, factor);
          adversarySums.add(found.adversary?.gradients ?? {}, factor);
        }
        auxes.push(found.aux);
        // The norms, which are of the whole step, hold their places.
        const metrics = metricsOf(found, [found.value, found.value]);
        names = metrics.map(([name]) => name);
        return stackMetrics(metrics.map(([, value]) => value));
      });
      await ofParts.add(metrics, weight);
    }
    ofParts.expectTargets();
    const norms = tf.tidy(() => {
      const norms = [optimizer.update(sums.mean(ofParts.total), learningRate)];
      if (adversary !== undefined) {
        norms.push(adversary.update(adversarySums.mean(ofParts.total), options.adversaryRate ?? learningRate));
      }
      average?.update(optimizer.steps);
      for (const [part, aux] of auxes.entries()) {
        model.afterStep?.(aux, random.fork("after-step").fork(part));
      }
      return stackMetrics(norms);
    });
    return await ofParts.ofStep(names, norms);
  } finally {
    tf.dispose(kept);
    sums.dispose();
    adversarySums.dispose();
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
