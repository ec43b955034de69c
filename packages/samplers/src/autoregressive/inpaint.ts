import type { TokenBatch } from "@mmgen/core";
import { rowSeeds, seedsOf } from "../processors/row-seeds.js";
import { type Candidate, drawCandidates } from "./draw-candidates.js";
import { GrammarTable } from "./grammar-table.js";
import { type InpaintConfig, type InpaintOptions, resolveInpaint } from "./inpaint-options.js";
import { KnownIds } from "./known-ids.js";
import { throwIfAborted } from "./logits-source.js";

/** What {@link inpaint} returns: whole sequences, `[rows, length]`. */
export interface InpaintedIds extends TokenBatch {
  /**
   * Log-likelihood of each row's known ids after its first unknown one, each given what stands before it, in nats, `[rows]`:
   * what the row was chosen by.
   */
  readonly logLikelihoods: Float64Array;
}

/**
 * Fills in the unknown ids of sequences with an autoregressive model.
 *
 * Such a model reads from the first id to the last: known ids are put where they come, and an id is drawn without sight of
 * those that follow it. So `candidates` sequences are drawn for each row, and the one is kept that makes the known ids
 * likeliest (under the model's own probabilities of legal ids: temperature 1, no truncation, no guidance). Where more than a
 * beginning is known, discrete diffusion, which sees both sides, fits better.
 *
 * Unknown ids are drawn as by `generate`, among the legal ids after which the known ones can still come. The first candidate
 * has the row's seed and the others seeds derived from it: a row depends on its seed and ids, not on the other rows.
 *
 * @returns Yours.
 * @throws a `GrammarError` when no legal sequence has a row's known ids; a `ConfigError`, `ShapeError` or `VocabularyError`
 *   for options that are not valid or do not fit each other; an `AbortedError` when the signal is aborted.
 */
export async function inpaint(options: InpaintOptions): Promise<InpaintedIds> {
  const config = resolveInpaint(options);
  const { grammar, ids, known, model, sampling, signal } = config;
  throwIfAborted(signal);
  const seeds = seedsOf(config, ids.count, sampling.temperature);
  const table =
    grammar === undefined
      ? GrammarTable.unconstrained(model.vocabularySize)
      : new GrammarTable(grammar, model.vocabularySize);
  const knownIds = new KnownIds(ids, known, table);
  const candidates = listCandidates(config, knownIds, seeds);
  const drawn = candidates.length === 0 ? undefined : await drawCandidates(candidates, { config, knownIds, table });
  return keepBest(candidates, drawn, ids);
}

/** All candidates, row by row; one for a row of which only a beginning is known, as all would be equally good. */
function listCandidates({ candidates, ids }: InpaintConfig, known: KnownIds, seeds: Uint32Array): Candidate[] {
  return Array.from(seeds, (seed, row) => {
    const start = known.firstUnknown(row);
    let later = start;
    while (later < ids.length && !known.isKnown(row, later)) {
      later++;
    }
    const all = later < ids.length ? [seed, ...rowSeeds(seed, candidates - 1)] : [seed];
    return all.map((each) => ({ row, seed: each, start }));
  }).flat();
}

/** The likeliest candidate of each row, the first among equals. */
function keepBest(
  candidates: readonly Candidate[],
  drawn: Awaited<ReturnType<typeof drawCandidates>> | undefined,
  { count, length }: TokenBatch,
): InpaintedIds {
  const data = new Int32Array(count * length);
  const logLikelihoods = new Float64Array(count);
  const best = new Map<number, number>();
  for (const [i, { row }] of candidates.entries()) {
    const before = best.get(row);
    const likelihood = drawn!.logLikelihoods[i]!;
    if (before === undefined || likelihood > drawn!.logLikelihoods[before]!) {
      best.set(row, i);
    }
  }
  for (const [row, i] of best) {
    data.set(drawn!.ids.subarray(i * length, (i + 1) * length), row * length);
    logLikelihoods[row] = drawn!.logLikelihoods[i]!;
  }
  return { data, count, length, logLikelihoods };
}
