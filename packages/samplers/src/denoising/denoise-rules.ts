import { ConfigError, type DenoiseRule, Random } from "@mmgen/core";
import { isStepped, type KernelConfig, type SteppedKernel } from "../diffusion/kernels.js";
import { cumulativeShares, transitionTable } from "../diffusion/transitions.js";
import type { DiffusionSamplerConfig } from "./diffusion-samplers.js";
import { haltonOrder } from "./halton-order.js";

/** The rows of a plan. */
export interface PlannedRows {
  /** `[rows, length]`, 1 where an id is known. */
  readonly known: Uint8Array;
  readonly length: number;
  /** Ids to be found in each row. */
  readonly unknown: readonly number[];
  /** One a row, for what a rule itself draws. */
  readonly seeds: Uint32Array;
}

/**
 * The numbers of each round, for a sampler of a model that was trained with this kernel.
 *
 * @throws a {@link ConfigError} for a grid that is longer than the rows.
 */
export function denoiseRule(sampler: DiffusionSamplerConfig, kernel: KernelConfig, rows: PlannedRows): DenoiseRule {
  switch (sampler.type) {
    case "chain":
      return { type: "redraw" };
    case "confidence":
      return revealByConfidence(sampler, rows.unknown);
    case "halton":
      return drawInOrder(sampler, rows);
    default:
      return isStepped(kernel) ? goBack(kernel, sampler) : unmask(sampler);
  }
}

type Timed = Extract<DiffusionSamplerConfig, { readonly schedule: unknown }>;

/** Times before and after each round, from 1 to 0: `rounds + 1` of them. */
function timesOf({ rounds, schedule }: Timed): number[] {
  return Array.from({ length: rounds + 1 }, (_, i) =>
    i === rounds ? 0 : schedule === "cosine" ? Math.cos(((Math.PI / 2) * i) / rounds) : 1 - i / rounds,
  );
}

/** A masked code's share that stays masked, and another's that is masked again: eqs. 4 to 6 of ReMDM, α = 1 − time. */
function unmask(sampler: Timed): DenoiseRule {
  const times = timesOf(sampler);
  const eta = sampler.type === "remasking" ? sampler.eta : 0;
  const stayBelow = new Float32Array(sampler.rounds);
  const remaskBelow = new Float32Array(sampler.rounds);
  for (let round = 0; round < sampler.rounds; round++) {
    const [t, s] = [times[round]!, times[round + 1]!];
    const alpha = 1 - t;
    // At time 1 nothing is there to be masked again.
    const sigma = alpha === 0 ? 0 : Math.min(eta, s / alpha, 1);
    stayBelow[round] = gumbelQuantile((s - sigma * alpha) / t);
    remaskBelow[round] = gumbelQuantile(sigma);
  }
  return { type: "unmask", stayBelow, remaskBelow };
}

/** Standard Gumbel noise is below this with the given probability. */
export function gumbelQuantile(probability: number): number {
  return -Math.log(-Math.log(Math.min(1, Math.max(0, probability))));
}

function revealByConfidence(
  { rounds, noise }: { readonly rounds: number; readonly noise: number },
  unknown: readonly number[],
): DenoiseRule {
  const noiseScales = Float32Array.from({ length: rounds }, (_, round) => noise * (1 - (round + 1) / rounds));
  return { type: "confidence", masked: maskedByCosine(rounds, unknown), noiseScales };
}

/** Ids that are masked after each round, `[rounds, rows]`: as many as a cosine says, at least one fewer each time. */
function maskedByCosine(rounds: number, unknown: readonly number[]): Int32Array {
  const rows = unknown.length;
  const masked = new Int32Array(rounds * rows);
  for (let round = 0; round < rounds; round++) {
    const share = (round + 1) / rounds;
    unknown.forEach((count, row) => {
      const before = round === 0 ? count : masked[(round - 1) * rows + row]!;
      const scheduled = round === rounds - 1 ? 0 : Math.floor(count * Math.cos((Math.PI / 2) * share));
      masked[round * rows + row] = Math.max(0, Math.min(before - 1, scheduled));
    });
  }
  return masked;
}

type InOrder = Extract<DiffusionSamplerConfig, { readonly type: "halton" }>;

function drawInOrder({ grid, rounds }: InOrder, { known, length, seeds, unknown }: PlannedRows): DenoiseRule {
  if (grid !== undefined && grid.start + grid.height * grid.width > length) {
    throw new ConfigError(
      `sampler.grid: expected one that ends within ${length} positions, got ${grid.height} × ${grid.width} from ${grid.start} on.`,
    );
  }
  const masked = maskedByCosine(rounds, unknown);
  const inOrder = haltonOrder(length, grid);
  const drawnIn = new Int32Array(known.length).fill(-1);
  unknown.forEach((count, row) => {
    const isOpen = (position: number) => known[row * length + position] === 0;
    let round = 0;
    inOrder(isOpen, Random.fromSeed(seeds[row]!).fork("order")).forEach((position, i) => {
      while (i >= count - masked[round * unknown.length + row]!) {
        round++;
      }
      drawnIn[row * length + position] = round;
    });
  });
  return { type: "ordered", drawnIn };
}

function goBack(kernel: SteppedKernel, sampler: Timed): DenoiseRule {
  const { rounds } = sampler;
  // Different whole times, `steps` first and 0 last.
  const times = timesOf(sampler).map((time) => Math.round(kernel.steps * time));
  for (let i = rounds; i > 0; i--) {
    times[i - 1] = Math.max(times[i - 1]!, times[i]! + 1);
  }
  for (let i = 0; i < rounds; i++) {
    times[i] = Math.min(times[i]!, i === 0 ? kernel.steps : times[i - 1]! - 1);
  }
  const pairs = Array.from({ length: rounds }, (_, i) => [times[i + 1]!, times[i]!] as const);
  return { type: "posterior", transitions: transitionTable(cumulativeShares(kernel), pairs) };
}
