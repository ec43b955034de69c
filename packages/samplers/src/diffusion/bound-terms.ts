import type { LegalRanges, Random, TokenBatch } from "@mmgen/core";
import { choose, codesOfRow, corruptId, rangeAt } from "./corruptions.js";
import { isStepped, type KernelConfig, type SteppedKernel } from "./kernels.js";
import { posterior, readTransition } from "./posterior.js";
import { type CumulativeShares, cumulativeShares, transitionTable } from "./transitions.js";

/** What is bounded, and how. */
export interface BoundSettings {
  readonly ids: TokenBatch;
  /** `[rows, length]`, 1 for codes. */
  readonly open: Uint8Array;
  readonly legal: LegalRanges;
  /** −1: none. */
  readonly maskId: number;
  readonly kernel: KernelConfig;
  readonly draws: number;
  readonly random: Random;
}

/** A corruption of a row, and what the model's answer adds to the bound. */
export interface NoisedDraw {
  readonly row: number;
  /** `[length]`. */
  readonly ids: Int32Array;
  /** @param logits - Of this row, `[length, vocabularySize]`. */
  nats(logits: Float32Array): number;
}

/** All corruptions of all rows, row by row. The mean of a row's `nats`, and {@link startDivergence}, are its bound. */
export function* noisedDraws(settings: BoundSettings): Generator<NoisedDraw> {
  const { ids, kernel, draws, random } = settings;
  for (let row = 0; row < ids.count; row++) {
    const stream = random.fork(row);
    const codes = codesOfRow(settings.open, row, ids.length);
    for (let draw = 0; draw < draws && codes.length > 0; draw++) {
      const share = (draw + stream.uniform()) / draws;
      const place = { row, codes, share, random: stream };
      yield isStepped(kernel) ? stepDraw(place, settings, kernel) : maskedDraw(place, settings);
    }
  }
}

interface Place {
  readonly row: number;
  /** Indices of the row's codes in `[rows, length]`. */
  readonly codes: readonly number[];
  /** Uniform in [0, 1). */
  readonly share: number;
  readonly random: Random;
}

function maskedDraw({ row, codes, share, random }: Place, { ids, legal, maskId }: BoundSettings): NoisedDraw {
  const { length } = ids;
  const count = 1 + Math.floor(share * codes.length);
  const noised = ids.data.slice(row * length, (row + 1) * length);
  const masked = choose(codes, count, random).map((i) => i % length);
  for (const position of masked) {
    noised[position] = maskId;
  }
  return {
    row,
    ids: noised,
    nats(logits) {
      let sum = 0;
      for (const position of masked) {
        sum -= logProbabilityAt(logits, { id: ids.data[row * length + position]!, position, legal });
      }
      return (sum * codes.length) / count;
    },
  };
}

function stepDraw({ row, codes, share, random }: Place, settings: BoundSettings, kernel: SteppedKernel): NoisedDraw {
  const { ids, legal, maskId } = settings;
  const { length } = ids;
  const shares = cumulativeShares(kernel);
  const t = 1 + Math.floor(share * kernel.steps);
  const transition = readTransition(transitionTable(shares, [[t - 1, t]]), 0);
  const noised = ids.data.slice(row * length, (row + 1) * length);
  for (const i of codes) {
    noised[i % length] = corruptId(ids.data[i]!, { shares, t, maskId, ...rangeAt(legal, i % length) }, random);
  }
  return {
    row,
    ids: noised,
    nats(logits) {
      let sum = 0;
      for (const i of codes) {
        const position = i % length;
        const first = legal.from[position]!;
        const current = noised[position] === maskId ? -1 : noised[position]! - first;
        const modeled = probabilitiesAt(logits, position, legal);
        const original = new Float64Array(modeled.length);
        original[ids.data[i]! - first] = 1;
        const [q, p] = [new Float64Array(modeled.length), new Float64Array(modeled.length)];
        // That the id is masked at s is equally likely under both.
        posterior(transition, current, original, q);
        posterior(transition, current, modeled, p);
        sum += divergence(q, p);
      }
      return sum * kernel.steps;
    },
  };
}

function divergence(q: Float64Array, p: Float64Array): number {
  return q.reduce((sum, value, i) => sum + (value === 0 ? 0 : value * Math.log(value / p[i]!)), 0);
}

/** Log of the probability of an id of a position, of its legal ids. */
function logProbabilityAt(
  logits: Float32Array,
  { id, legal, position }: { readonly id: number; readonly legal: LegalRanges; readonly position: number },
): number {
  const start = (logits.length / legal.from.length) * position;
  const [from, to] = [start + legal.from[position]!, start + legal.to[position]!];
  let max = Number.NEGATIVE_INFINITY;
  for (let i = from; i < to; i++) {
    max = Math.max(max, logits[i]!);
  }
  let sum = 0;
  for (let i = from; i < to; i++) {
    sum += Math.exp(logits[i]! - max);
  }
  return logits[start + id]! - max - Math.log(sum);
}

/** Softmax over the legal ids of a position. */
function probabilitiesAt(logits: Float32Array, position: number, { from, to }: LegalRanges): Float64Array {
  const start = (logits.length / from.length) * position;
  const legal = Float64Array.from(logits.subarray(start + from[position]!, start + to[position]!));
  const max = legal.reduce((a, b) => Math.max(a, b));
  const weights = legal.map((value) => Math.exp(value - max));
  const total = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / total);
}

/** Divergence of a row's codes after all steps from what the sampler starts with, in nats. */
export function startDivergence(row: number, { kernel, ids, legal, open }: BoundSettings): number {
  if (!isStepped(kernel)) {
    return 0;
  }
  const shares = cumulativeShares(kernel);
  return codesOfRow(open, row, ids.length)
    .map((i) => legal.to[i % ids.length]! - legal.from[i % ids.length]!)
    .reduce((sum, codes) => sum + codeDivergence(shares, kernel.steps, codes), 0);
}

function codeDivergence({ untouched, masked }: CumulativeShares, t: number, codes: number): number {
  const start = (1 - masked[t]!) / codes;
  const other = (1 - untouched[t]! - masked[t]!) / codes;
  const same = untouched[t]! + other;
  return same * Math.log(same / start) + (codes - 1) * other * Math.log(other / start);
}
