import type * as tf from "@tensorflow/tfjs-core";
import { type WeightedValues, weightedMeans } from "../data/weighted-means.js";
import { expectTargets, type ReadMetrics } from "../loop/training-step.js";

/** What the parts of a step say of the whole: how much each counts, and the means of their metrics. */
export class PartMetrics {
  readonly #means: WeightedValues[] = [];
  // Relative to the first part that has targets: equal parts are then added as they are.
  #unit: number | undefined;
  #total = 0;

  /** The sum of all factors. */
  get total(): number {
    return this.#total;
  }

  /** What the gradients of a part count in the sums; 0 where it has no target. */
  factorOf(weight: number | undefined): number {
    if (weight === 0) {
      return 0;
    }
    this.#unit ??= weight;
    const factor = weight === undefined ? 1 : weight / this.#unit!;
    this.#total += factor;
    return factor;
  }

  /** Reads the metrics of a part, which are disposed. */
  async add(metrics: tf.Tensor1D, weight: number | undefined): Promise<void> {
    this.#means.push({ values: [...(await read(metrics))], weight });
  }

  /** @throws a `DataError` when no part has a target. */
  expectTargets(): void {
    expectTargets(this.#means.every(({ weight }) => weight === 0) ? 0 : undefined);
  }

  /**
   * The metrics of the step.
   *
   * @param names - Of the metrics; the places of the norms hold what is of the parts.
   * @param norms - Of the gradients, the adversary's last; read, and disposed.
   */
  async ofStep(names: readonly string[], norms: tf.Tensor1D): Promise<ReadMetrics> {
    return metricsOfStep(names, this.#means, await read(norms));
  }
}

/**
 * The metrics of a step from those of its parts, by the weights of their targets.
 *
 * @param names - Of the metrics; the places of the norms hold what is of the parts.
 * @param norms - Of the gradients of the whole step, the adversary's last.
 */
export function metricsOfStep(
  names: readonly string[],
  parts: readonly WeightedValues[],
  [gradientNorm, adversaryGradientNorm]: Float32Array,
): ReadMetrics {
  const ofWholeStep = new Map([
    ["gradientNorm", gradientNorm],
    ["adversaryGradientNorm", adversaryGradientNorm],
  ]);
  const { values, weight } = weightedMeans(parts)!;
  return { names, values: values.map((value, i) => Math.fround(ofWholeStep.get(names[i]!) ?? value)), weight };
}

/** The elements of a tensor, which is disposed, also where they cannot be computed. */
async function read(tensor: tf.Tensor): Promise<Float32Array> {
  try {
    return (await tensor.data()) as Float32Array;
  } finally {
    tensor.dispose();
  }
}
