import type { DenoisePlan } from "@mmgen/core";
import { type RowInput, RowSampler } from "../processors/row-sampler.js";
import { samplingConfig } from "../processors/sampling-options.js";

/** Draws the ids of a plan from logits; allocates its working memory once. */
export class CodeDrawer {
  readonly #plan: DenoisePlan;
  readonly #vocabularySize: number;
  readonly #sampler: RowSampler;
  readonly #certainty: RowSampler;
  readonly #legal = new Map<string, Int32Array>();
  readonly #probabilities: Float64Array;

  constructor(plan: DenoisePlan, vocabularySize: number) {
    const { temperature, topK, topP = 1 } = plan;
    const plain = { repetitionPenalty: 1, minP: 0, typicalP: 1 };
    this.#plan = plan;
    this.#vocabularySize = vocabularySize;
    this.#sampler = new RowSampler(
      samplingConfig({ ...plain, temperature, topP, ...(topK !== undefined && { topK }) }, vocabularySize),
      vocabularySize,
    );
    // At temperature 0 every drawn id has probability 1: how sure it is shows at temperature 1.
    this.#certainty =
      temperature > 0
        ? this.#sampler
        : new RowSampler(samplingConfig({ ...plain, temperature: 1, topP: 1 }, vocabularySize), vocabularySize);
    this.#probabilities = new Float64Array(vocabularySize);
  }

  /** Ids that are legal at a position, ascending. */
  legal(position: number): Int32Array {
    const { from, to } = this.#plan.legal;
    const key = `${from[position]} ${to[position]}`;
    let legal = this.#legal.get(key);
    if (legal === undefined) {
      legal = Int32Array.from({ length: to[position]! - from[position]! }, (_, i) => from[position]! + i);
      this.#legal.set(key, legal);
    }
    return legal;
  }

  /** Draws an id; `index` is that of the place in `[rows, length]`. */
  draw(logits: Float32Array, index: number, seed: number): number {
    return this.#sampler.choose(this.#input(logits, index), seed, index % this.#plan.ids.length);
  }

  /** The logarithm of the probability with which {@link CodeDrawer.draw} draws `id`. */
  logProbability(logits: Float32Array, index: number, id: number): number {
    return Math.log(this.#certainty.probabilities(this.#input(logits, index), this.#probabilities)[id]!);
  }

  /** Probabilities of the legal ids, `[codes]`; valid until the next call. */
  probabilities(logits: Float32Array, index: number): Float64Array {
    const { from, to } = this.#plan.legal;
    const position = index % this.#plan.ids.length;
    return this.#sampler
      .probabilities(this.#input(logits, index), this.#probabilities)
      .subarray(from[position]!, to[position]!);
  }

  #input(logits: Float32Array, index: number): RowInput {
    const legal = this.legal(index % this.#plan.ids.length);
    return { logits, offset: index * this.#vocabularySize, legal, seen: nothingSeen };
  }
}

const nothingSeen = new Uint8Array(0);
