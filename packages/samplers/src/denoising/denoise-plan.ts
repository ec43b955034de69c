import { ConfigError, counterWords, type DenoisePlan, type LegalRanges, Random } from "@mmgen/core";
import { checkRanges, spreadFlags, wholeVocabulary } from "../diffusion/code-positions.js";
import { isStepped, type KernelConfig } from "../diffusion/kernels.js";
import { cumulativeShares } from "../diffusion/transitions.js";
import { guidanceScales, isNeutralScale } from "../guidance/guidance-scales.js";
import { rowSeeds } from "../processors/row-seeds.js";
import type { DenoiseConfig } from "./denoise-options.js";
import { denoiseRule } from "./denoise-rules.js";

/**
 * Writes a whole generation down as data: the start, and what each round does with which seeds.
 *
 * @throws a {@link ConfigError} or `ShapeError` when known ids, legal ranges and seeds do not fit.
 */
export function denoisePlan(config: DenoiseConfig): DenoisePlan {
  const { guidance, ids, kernel, maskId, model, sampler, sampling } = config;
  const { rounds } = sampler;
  const { vocabularySize } = model;
  const limits = { maskId, vocabularySize };
  const legal = config.legal ?? wholeVocabulary(ids.length, limits);
  const known = spreadFlags("known", config.known, ids, 0);
  const open = known.map((flag) => 1 - flag);
  checkRanges(legal, { open, length: ids.length, ...limits });
  const seeds = seedsByRound(seedsOf(config), rounds);
  const data = ids.data.slice();
  const start = startOf(kernel, maskId);
  const unknown = new Array<number>(ids.count).fill(0);
  for (let row = 0; row < ids.count; row++) {
    const random = startNoise(seeds.start[row]!, ids.length);
    for (let position = 0; position < ids.length; position++) {
      const i = row * ids.length + position;
      if (open[i] === 1 && legal.to[position]! - legal.from[position]! === 1) {
        // Only one id may stand here.
        known[i] = 1;
        data[i] = legal.from[position]!;
      } else if (open[i] === 1) {
        data[i] = random(position) < start.masked ? start.maskId : pick(legal, position, random(ids.length + position));
        unknown[row]!++;
      }
    }
  }
  const { temperature, topK, topP } = sampling;
  const draws = temperature > 0;
  return {
    ids: { ...ids, data },
    known,
    legal,
    ...(start.maskId >= 0 && { maskId: start.maskId }),
    rounds,
    rule: denoiseRule(sampler, kernel, { known, length: ids.length, unknown, seeds: seeds.start }),
    drawSeeds: seeds.draw,
    choiceSeeds: seeds.choice,
    temperature,
    ...(draws && topK < vocabularySize && { topK }),
    ...(draws && topP < 1 && { topP }),
    ...(guidance !== undefined &&
      !isNeutralScale(guidance.scale) && {
        guidance: { ids: guidance.ids, scales: guidanceScales(guidance.scale, rounds) },
      }),
  };
}

function seedsOf({ ids, seed, seeds }: DenoiseConfig): Uint32Array {
  if (seeds !== undefined) {
    if (seed !== undefined || seeds.length !== ids.count) {
      throw new ConfigError(
        `seeds: expected one per row (${ids.count}) and no option seed, got ${seeds.length}${seed === undefined ? "" : " and a seed"}.`,
      );
    }
    return seeds;
  }
  if (seed === undefined) {
    throw new ConfigError("seed: required; give a seed, or seeds with one per row.");
  }
  return rowSeeds(seed, ids.count);
}

/** Seeds of the start, `[rows]`, and of the draws and choices of each round, `[rounds, rows]`, from one a row. */
function seedsByRound(seeds: Uint32Array, rounds: number) {
  const rows = seeds.length;
  const start = new Uint32Array(rows);
  const draw = new Uint32Array(rounds * rows);
  const choice = new Uint32Array(rounds * rows);
  seeds.forEach((seed, row) => {
    const random = Random.fromSeed(seed).fork("denoise");
    start[row] = random.uint32();
    for (let round = 0; round < rounds; round++) {
      draw[round * rows + row] = random.uint32();
      choice[round * rows + row] = random.uint32();
    }
  });
  return { start, draw, choice };
}

/** Share of the unknown ids that are masked at the start; the others are uniformly random. */
function startOf(kernel: KernelConfig, maskId = -1): { readonly masked: number; readonly maskId: number } {
  if (kernel.type === "absorbing" || kernel.type === "maskgit") {
    return { masked: 1, maskId };
  }
  return isStepped(kernel) && kernel.type === "mask-and-replace"
    ? { masked: cumulativeShares(kernel).masked[kernel.steps]!, maskId }
    : { masked: 0, maskId: -1 };
}

/** Uniform numbers in [0, 1) by index, two for each position. */
function startNoise(seed: number, length: number): (index: number) => number {
  const draws = counterWords(Random.fromSeed(seed).counterKey(), 0, new Uint32Array(2 * length));
  return (index) => draws[index]! / 2 ** 32;
}

function pick({ from, to }: LegalRanges, position: number, uniform: number): number {
  return from[position]! + Math.floor(uniform * (to[position]! - from[position]!));
}
