import type { PartStatistics } from "@mmgen/nn";
import { metricsOfStep } from "../accumulation/part-metrics.js";
import type { WeightedValues } from "../data/weighted-means.js";
import { expectTargets, type ReadMetrics, type StepContext } from "../loop/training-step.js";
import { CompiledParts } from "./compiled-parts.js";
import type { PartLayout, StepParts } from "./part-values.js";
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
  readonly #parts: CompiledParts<Batch, Aux>;
  readonly #group: RunGroup;
  readonly #statistics: PartStatistics;
  /** All that is added up: gradients, sums, and the metrics of every part at a place of its own. */
  #values = new Float32Array();

  constructor(parts: StepParts<Batch, Aux>, group: RunGroup, statistics: PartStatistics = "mean") {
    this.#parts = new CompiledParts(parts);
    this.#group = group;
    this.#statistics = statistics;
  }

  /** Whether both halves of a step are compiled; known after the first one. */
  get isCompiled(): boolean {
    return this.#parts.isCompiled;
  }

  /** Why they are not, where the model and the backend offer it; known after the first step. */
  get refusal(): unknown {
    return this.#parts.refusal;
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
    const sums = this.#values.subarray(0, own.layout.size - own.layout.names.length);
    const norms = await this.#parts.update(own.layout, sums, { ...options, total });
    return this.#metrics(own.layout, weights, norms);
  }

  async #computeOwn({ batchOf, random }: SharedStepOptions<Batch>) {
    const { parts, ownParts } = this.#group;
    const weights = new Map<number, number | undefined>();
    let unit: number | undefined;
    let layout: PartLayout | undefined;
    for (const part of ownParts) {
      const place = { part, parts, statistics: this.#statistics };
      const computed = await this.#parts.read(await batchOf(part), random, place);
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

  #metrics({ names, size }: PartLayout, weights: readonly (number | undefined)[], norms: Float32Array): ReadMetrics {
    const start = size - names.length;
    const parts: WeightedValues[] = weights.map((weight, part) => {
      const at = start + part * names.length;
      return { values: [...this.#values.subarray(at, at + names.length)], weight };
    });
    return metricsOfStep(names, parts, norms);
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
