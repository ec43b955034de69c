import type { LegalRanges, PosteriorTargets, Random, TokenBatch } from "@mmgen/core";
import type { SteppedKernel } from "./kernels.js";
import { type CumulativeShares, cumulativeShares, transitionTable } from "./transitions.js";

/** A batch for a step of training: what the model sees, what it is to predict, and how the loss is weighted. */
export interface CorruptedBatch {
  readonly inputs: TokenBatch;
  readonly targets: TokenBatch;
  /** Weight of each target in the loss, `[rows, length]`; 0 where nothing is to be predicted. */
  readonly weights: Float32Array;
  /** What the weighted sum is divided by; absent: the sum of the weights. */
  readonly weightSum?: number;
  /** For kernels of small steps, whose loss is a divergence of posteriors. */
  readonly posterior?: PosteriorTargets;
}

/** What is to be corrupted, and with what. */
export interface Corruption {
  /** A copy of the originals, to be corrupted. */
  readonly inputs: TokenBatch;
  readonly targets: TokenBatch;
  readonly open: Uint8Array;
  readonly maskId: number;
  readonly random: Random;
}

/** One uniform number in [0, 1) for each row, each from its own part of the range. */
function spreadTimes(rows: number, random: Random): number[] {
  return Array.from({ length: rows }, (_, row) => (row + random.uniform()) / rows);
}

export function maskByCount({ inputs, targets, open, maskId, random }: Corruption): CorruptedBatch {
  const weights = new Float32Array(open.length);
  let weightSum = 0;
  spreadTimes(inputs.count, random).forEach((u, row) => {
    const codes = codesOfRow(open, row, inputs.length);
    weightSum += codes.length;
    const count = 1 + Math.floor(u * codes.length);
    for (const i of choose(codes, count, random)) {
      inputs.data[i] = maskId;
      weights[i] = codes.length / count;
    }
  });
  return { inputs, targets, weights, weightSum };
}

export function maskByCosine({ inputs, targets, open, maskId, random }: Corruption): CorruptedBatch {
  const weights = new Float32Array(open.length);
  spreadTimes(inputs.count, random).forEach((u, row) => {
    const codes = codesOfRow(open, row, inputs.length);
    const count = Math.max(1, Math.round(codes.length * Math.cos((Math.PI / 2) * u)));
    for (const i of choose(codes, count, random)) {
      inputs.data[i] = maskId;
      weights[i] = 1;
    }
  });
  return { inputs, targets, weights };
}

export function replaceTwice(
  { inputs, targets, open, random }: Corruption,
  { further }: { readonly further: number },
  legal: LegalRanges,
): CorruptedBatch {
  const { length } = inputs;
  const earlier = targets.data.slice();
  spreadTimes(inputs.count, random).forEach((share, row) => {
    const codes = codesOfRow(open, row, length);
    for (const i of choose(codes, Math.round(share * codes.length), random)) {
      earlier[i] = randomId(rangeAt(legal, i % length), random);
    }
    inputs.data.set(earlier.subarray(row * length, (row + 1) * length), row * length);
    for (const i of choose(codes, Math.max(1, Math.round(further * codes.length)), random)) {
      inputs.data[i] = randomId(rangeAt(legal, i % length), random);
    }
  });
  return { inputs, targets: { ...targets, data: earlier }, weights: Float32Array.from(open) };
}

export function takeSteps(
  { inputs, targets, open, maskId, random }: Corruption,
  kernel: SteppedKernel,
  legal: LegalRanges,
): CorruptedBatch {
  const shares = cumulativeShares(kernel);
  const times = spreadTimes(inputs.count, random).map((u) => 1 + Math.floor(kernel.steps * u));
  for (let i = 0; i < open.length; i++) {
    if (open[i] === 1) {
      const t = times[Math.floor(i / inputs.length)]!;
      inputs.data[i] = corruptId(targets.data[i]!, { shares, t, maskId, ...rangeAt(legal, i % inputs.length) }, random);
    }
  }
  const transitions = transitionTable(
    shares,
    times.map((t) => [t - 1, t]),
  );
  const { crossEntropyWeight } = kernel;
  const masks = maskId < 0 ? {} : { maskId };
  const weights = Float32Array.from(open);
  return { inputs, targets, weights, posterior: { transitions, legal, ...masks, crossEntropyWeight } };
}

/** A range of ids: `from` up to and without `to`. */
interface IdRange {
  readonly from: number;
  readonly to: number;
}

export function rangeAt({ from, to }: LegalRanges, position: number): IdRange {
  return { from: from[position]!, to: to[position]! };
}

/** An id after all steps up to time `t`. */
export function corruptId(
  id: number,
  { shares, t, maskId, ...range }: IdRange & { shares: CumulativeShares; t: number; maskId: number },
  random: Random,
): number {
  const untouched = shares.untouched[t]!;
  const draw = random.uniform();
  if (draw < untouched) {
    return id;
  }
  return draw < untouched + shares.masked[t]! ? maskId : randomId(range, random);
}

function randomId({ from, to }: IdRange, random: Random): number {
  return from + random.integer(to - from);
}

/** Indices of the row's codes. */
export function codesOfRow(open: Uint8Array, row: number, length: number): number[] {
  const codes: number[] = [];
  for (let i = row * length; i < (row + 1) * length; i++) {
    if (open[i] === 1) {
      codes.push(i);
    }
  }
  return codes;
}

/** `count` different items, or all where there are fewer. */
export function choose(items: readonly number[], count: number, random: Random): number[] {
  return Array.from(random.permutation(items.length).subarray(0, count), (i) => items[i]!);
}
