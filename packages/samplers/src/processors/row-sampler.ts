import {
  applyRepetitionPenalty,
  applyTemperature,
  type Candidates,
  createCandidates,
  largestValue,
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

/** What a row's next id is chosen from. */
export interface RowInput {
  /** Logits of all rows; this row's start at `offset`. */
  readonly logits: Float32Array;
  readonly offset: number;
  /** Legal ids, ascending, at least one. */
  readonly legal: Int32Array;
  /** 1 for each id that the row has seen, from `offset` on; read only where there is a repetition penalty. */
  readonly seen: Uint8Array;
}

/** Chooses ids for one vocabulary and one configuration, with working memory that is made once. */
export class RowSampler {
  readonly #config: SamplingConfig;
  readonly #candidates: Candidates;
  readonly #scratch: TruncationScratch;
  readonly #draws: Uint32Array;

  constructor(config: SamplingConfig, vocabularySize: number) {
    this.#config = config;
    this.#candidates = createCandidates(vocabularySize);
    this.#scratch = createTruncationScratch(vocabularySize);
    this.#draws = new Uint32Array(vocabularySize);
  }

  /** The id that the row's seed draws at this position. */
  choose(input: RowInput, seed: number, position: number): number {
    this.#process(input);
    return drawCandidate(this.#candidates, seed, position, this.#draws);
  }

  /** Every id's probability of being chosen, into `out`, `[vocabularySize]`. */
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
      keepFirstOfLargest(candidates);
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

function keepFirstOfLargest(candidates: Candidates): void {
  const { ids, values, count } = candidates;
  const largest = largestValue(candidates);
  let first = 0;
  while (first < count && values[first] !== largest) {
    first++;
  }
  ids[0] = ids[first]!;
  values[0] = 0;
  candidates.count = 1;
}
