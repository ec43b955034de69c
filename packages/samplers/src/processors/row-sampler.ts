import {
  applyRepetitionPenalty,
  applyTemperature,
  type Candidates,
  createCandidates,
  maxValue,
  takeLegal,
} from "./candidates.js";
import { drawCandidate } from "./gumbel-draw.js";
import type { SamplingConfig } from "./sampling-options.js";
import {
  createTruncationScratch,
  keepMinP,
  keepTopK,
  keepTopP,
  keepTypical,
  softmaxWeights,
  type TruncationScratch,
} from "./truncation.js";

/** Logits, legal ids and ids seen so far of one row. */
export interface RowInput {
  /** Logits of all rows; those of this row start at `offset`. */
  readonly logits: Float32Array;
  readonly offset: number;
  /** Legal ids, ascending, at least one. */
  readonly legal: Int32Array;
  /** 1 for each id that is in the row, from `offset` on; read only with a repetition penalty. */
  readonly seen: Uint8Array;
}

/** Sampler of single rows for one vocabulary and configuration; allocates its working memory once. */
export class RowSampler {
  readonly #config: SamplingConfig;
  readonly #candidates: Candidates;
  readonly #scratch: TruncationScratch;
  readonly #noise: Float32Array;

  constructor(config: SamplingConfig, vocabularySize: number) {
    this.#config = config;
    this.#candidates = createCandidates(vocabularySize);
    this.#scratch = createTruncationScratch(vocabularySize);
    this.#noise = new Float32Array(vocabularySize);
  }

  /** Draws the row's next id with its seed and position. */
  choose(input: RowInput, seed: number, position: number): number {
    this.#process(input);
    return drawCandidate(this.#candidates, seed, position, this.#noise);
  }

  /** Writes the probability of every id to `out`, `[vocabularySize]`, and returns it. */
  probabilities(input: RowInput, out: Float64Array): Float64Array {
    this.#process(input);
    const { ids, count } = this.#candidates;
    const { weights } = this.#scratch;
    const total = softmaxWeights(this.#candidates, weights);
    out.fill(0);
    for (let i = 0; i < count; i++) {
      out[ids[i]!] = weights[i]! / total;
    }
    return out;
  }

  #process({ logits, offset, legal, seen }: RowInput): void {
    const { repetitionPenalty, temperature, topK, topP, minP, typicalP } = this.#config;
    const candidates = this.#candidates;
    takeLegal(candidates, logits, offset, legal);
    if (repetitionPenalty !== 1) {
      applyRepetitionPenalty(candidates, repetitionPenalty, seen, offset);
    }
    if (temperature === 0) {
      keepFirstMax(candidates);
      return;
    }
    applyTemperature(candidates, temperature);
    keepTopK(candidates, topK, this.#scratch);
    if (topP < 1) {
      keepTopP(candidates, topP, this.#scratch);
    }
    if (minP > 0) {
      keepMinP(candidates, minP);
    }
    if (typicalP < 1) {
      keepTypical(candidates, typicalP, this.#scratch);
    }
  }
}

function keepFirstMax(candidates: Candidates): void {
  const { ids, values, count } = candidates;
  const max = maxValue(candidates);
  let first = 0;
  while (first < count && values[first] !== max) {
    first++;
  }
  ids[0] = ids[first]!;
  values[0] = 0;
  candidates.count = 1;
}
