import type { PartStatistics } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import { expectTargets, type ReadMetrics, type StepContext, stackMetrics } from "../loop/training-step.js";
import { type WeightedValues, weightedMeans } from "../loop/weighted-means.js";
import { type PartLayout, readPart, type StepParts } from "./part-values.js";
import type { RunGroup } from "./run-group.js";

/** Options of {@link SharedStep.step}. */
export interface SharedStepOptions<Batch>
  extends Pick<StepContext<Batch, unknown>, "learningRate" | "adversaryRate" | "random"> {
  /** Makes part `part` of the batch; all have the same number of examples. */
  readonly batchOf: (part: number) => Batch | Promise<Batch>;
}

/**
 * Takes steps whose batch lies in parts in several processes: each computes its own parts one after the other, gradients and
 * what the model updates after a step are added up over all processes, and each then moves its weights by the sums.
 *
 * Gradients are averaged by the weights of the parts' targets, as `accumulatedStep` does in one process.
 */
export class SharedStep<Batch, Aux> {
  readonly #parts: StepParts<Batch, Aux>;
  readonly #group: RunGroup;
  readonly #statistics: PartStatistics;
  /** All that is added up: gradients, sums, and the metrics of every part at a place of its own. */
  #values = new Float32Array();

  constructor(parts: StepParts<Batch, Aux>, group: RunGroup, statistics: PartStatistics = "mean") {
    this.#parts = parts;
    this.#group = group;
    this.#statistics = statistics;
  }

  /** Parts of a step. */
  get parts(): number {
    return this.#group.parts;
  }

  /**
   * Takes a step with all others.
   *
   * @returns The metrics of the whole step.
   * @throws a `DataError` when no part has a target; a `GroupError` when another process has failed.
   */
  async step(options: SharedStepOptions<Batch>): Promise<ReadMetrics> {
    const own = await this.#computeOwn(options);
    const weights = await this.#group.shareWeights(own.weights, this.#values.length);
    expectTargets(weights.every((weight) => weight === 0) ? 0 : undefined);
    const counted = weights.filter((weight) => weight !== 0);
    const factors = counted.map((weight) => (weight === undefined ? 1 : weight / counted[0]!));
    if (own.unit !== undefined && own.unit !== counted[0]) {
      scale(this.#values.subarray(0, own.layout.gradients), own.unit / counted[0]!);
    }
    await this.#group.sum(this.#values);
    const total = factors.reduce((sum, factor) => sum + factor, 0);
    const norms = await this.#move(own.layout, total, options);
    return this.#metrics(own.layout, weights, norms);
  }

  async #computeOwn({ batchOf, random }: SharedStepOptions<Batch>) {
    const { parts, ownParts } = this.#group;
    const weights = new Map<number, number | undefined>();
    let unit: number | undefined;
    let layout: PartLayout | undefined;
    for (const part of ownParts) {
      const place = { part, parts, statistics: this.#statistics };
      const computed = await readPart(this.#parts, await batchOf(part), random, place);
      const { values, weight } = computed;
      weights.set(part, weight);
      if (layout === undefined) {
        layout = computed.layout;
        const length = layout.size + layout.names.length * (parts - 1);
        this.#values = this.#values.length === length ? this.#values.fill(0) : new Float32Array(length);
      }
      const { gradients, names } = layout;
      const summed = values.length - names.length;
      if (weight !== 0) {
        const isFirst = weights.size === 1;
        unit ??= weight;
        addTo(this.#values, values.subarray(0, gradients), {
          isFirst,
          factor: weight === undefined ? 1 : weight / unit!,
        });
      }
      addTo(this.#values.subarray(gradients), values.subarray(gradients, summed), { isFirst: weights.size === 1 });
      this.#values.set(values.subarray(summed), summed + part * names.length);
    }
    return { layout: layout!, weights, unit };
  }

  /** Optimizer, weight average and buffers, from the sums. */
  async #move(
    layout: PartLayout,
    total: number,
    { learningRate, adversaryRate = learningRate }: SharedStepOptions<Batch>,
  ): Promise<Float32Array> {
    const { adversary, average, model, optimizer } = this.#parts;
    const norms = tf.tidy(() => {
      const tensors = layout.tensors.map(({ shape, start, size }) => {
        return tf.tensor(this.#values.slice(start, start + size), [...shape], "float32");
      });
      const named = (kind: PartLayout["tensors"][number]["kind"], divisor?: number) =>
        Object.fromEntries(
          layout.tensors.flatMap(({ name, ...entry }, i) =>
            entry.kind === kind ? [[name, divisor === undefined ? tensors[i]! : tf.div(tensors[i]!, divisor)]] : [],
          ),
        );
      const norms = [optimizer.update(named("gradient", total), learningRate)];
      if (adversary !== undefined) {
        norms.push(adversary.update(named("adversary", total), adversaryRate));
      }
      average?.update(optimizer.steps);
      model.afterParts?.(named("sum"));
      return stackMetrics(norms);
    });
    try {
      return (await norms.data()) as Float32Array;
    } finally {
      norms.dispose();
    }
  }

  #metrics(
    { names, size }: PartLayout,
    weights: readonly (number | undefined)[],
    [gradientNorm, adversaryGradientNorm]: Float32Array,
  ): ReadMetrics {
    const start = size - names.length;
    const parts: WeightedValues[] = weights.map((weight, part) => {
      const at = start + part * names.length;
      return { values: [...this.#values.subarray(at, at + names.length)], weight };
    });
    const whole = weightedMeans(parts)!;
    const ofWholeStep = new Map([
      ["gradientNorm", gradientNorm],
      ["adversaryGradientNorm", adversaryGradientNorm],
    ]);
    const values = whole.values.map((value, i) => Math.fround(ofWholeStep.get(names[i]!) ?? value));
    return { names, values, weight: whole.weight };
  }
}

/** Adds float32 numbers, times a factor that is one too, each result rounded once; the first as they are, zeros with their sign. */
function addTo(
  sums: Float32Array,
  values: Float32Array,
  { factor = 1, isFirst }: { readonly factor?: number; readonly isFirst: boolean },
): void {
  if (isFirst) {
    sums.set(values);
    return;
  }
  const rounded = Math.fround(factor);
  for (let i = 0; i < values.length; i++) {
    sums[i]! += rounded === 1 ? values[i]! : Math.fround(values[i]! * rounded);
  }
}

function scale(values: Float32Array, factor: number): void {
  const rounded = Math.fround(factor);
  for (let i = 0; i < values.length; i++) {
    values[i]! *= rounded;
  }
}
