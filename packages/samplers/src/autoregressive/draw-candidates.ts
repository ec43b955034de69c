import type { TokenBatch } from "@mmgen/core";
import { guidanceScales, isNeutralScale } from "../guidance/guidance-scales.js";
import { RowSampler } from "../processors/row-sampler.js";
import { samplingConfig } from "../processors/sampling-options.js";
import { Generation } from "./generation.js";
import { GrammarTable } from "./grammar-table.js";
import type { InpaintConfig } from "./inpaint-options.js";
import type { KnownIds } from "./known-ids.js";
import { LogitsSource, throwIfAborted } from "./logits-source.js";
import { seenIds } from "./step-loop.js";

/** One sequence to be drawn for a row. */
export interface Candidate {
  readonly row: number;
  readonly seed: number;
  /** First unknown position of the row. */
  readonly start: number;
}

/** Sequences of candidates, and the log-likelihood of their known ids after the first unknown one, in nats. */
interface DrawnCandidates {
  /** `[candidates, length]`. */
  readonly ids: Int32Array;
  readonly logLikelihoods: Float64Array;
}

/** What all candidates share. */
interface Inpainting {
  readonly config: InpaintConfig;
  readonly knownIds: KnownIds;
  readonly table: GrammarTable;
}

/** Draws candidates together, position by position, with a model step only where logits are needed. */
export async function drawCandidates(
  candidates: readonly Candidate[],
  { config, knownIds, table }: Inpainting,
): Promise<DrawnCandidates> {
  const { ids, model, sampling, signal } = config;
  const { vocabularySize } = model;
  const first = Math.min(...candidates.map(({ start }) => start), ids.length);
  const generation = new Generation(leadingIds(ids, candidates, first), ids.length - first, table);
  const source = new LogitsSource(model, generation.leading(first), first, signal);
  const guide = guideOf(candidates, { config, knownIds, table }, first);
  const sampler = new RowSampler(sampling, vocabularySize);
  const scorer = scorerOf(vocabularySize);
  const seen = seenIds(generation, sampling.repetitionPenalty === 1 ? 0 : vocabularySize);
  const logLikelihoods = new Float64Array(candidates.length);
  const chosen = new Int32Array(candidates.length);
  try {
    while (!generation.isDone) {
      throwIfAborted(signal);
      const { position } = generation;
      // Legal ids of each candidate at an unknown position; undefined at a known one.
      const choices = candidates.map(({ row }, i) =>
        knownIds.isKnown(row, position) ? undefined : knownIds.legal(row, position, generation.state(i)),
      );
      const isDrawn = (i: number) => (choices[i]?.length ?? 0) > 1;
      const isScored = (i: number) =>
        choices[i] === undefined && candidates[i]!.start < position && generation.legal(i).length > 1;
      const draws = candidates.some((_, i) => isDrawn(i));
      const needed = draws || candidates.some((_, i) => isScored(i));
      const logits = needed ? await source.next(generation) : undefined;
      const guided = draws ? ((await guide?.mix(logits!, position)) ?? logits) : undefined;
      for (const [i, { row, seed }] of candidates.entries()) {
        const offset = i * vocabularySize;
        if (isDrawn(i)) {
          chosen[i] = sampler.choose({ logits: guided!, offset, legal: choices[i]!, seen }, seed, position);
        } else {
          chosen[i] = choices[i]?.[0] ?? knownIds.id(row, position);
        }
        if (isScored(i)) {
          const input = { logits: logits!, offset, legal: generation.legal(i), seen };
          logLikelihoods[i] = logLikelihoods[i]! + scorer(input, chosen[i]!);
        }
        if (seen.length > 0) {
          seen[offset + chosen[i]!] = 1;
        }
      }
      generation.append(chosen);
      guide?.append(chosen, position);
    }
  } finally {
    source.dispose();
    guide?.dispose();
  }
  return { ids: generation.ids, logLikelihoods };
}

/** The first ids of each candidate's row, `[candidates, length]`. */
function leadingIds(ids: TokenBatch, candidates: readonly Candidate[], length: number): TokenBatch {
  const data = new Int32Array(candidates.length * length);
  for (const [i, { row }] of candidates.entries()) {
    data.set(ids.data.subarray(row * ids.length, row * ids.length + length), i * length);
  }
  return { data, count: candidates.length, length };
}

/** Log-likelihood of an id under the model's own probabilities of legal ids, in nats. */
function scorerOf(vocabularySize: number) {
  const own = { repetitionPenalty: 1, temperature: 1, topP: 1, minP: 0, typicalP: 1 };
  const sampler = new RowSampler(samplingConfig(own, vocabularySize), vocabularySize);
  const probabilities = new Float64Array(vocabularySize);
  return (input: Parameters<RowSampler["probabilities"]>[0], id: number) =>
    Math.log(sampler.probabilities(input, probabilities)[id]!);
}

/** Classifier-free guidance of all candidates by the rows without their condition; `undefined` where it has no effect. */
function guideOf(candidates: readonly Candidate[], { config, knownIds }: Inpainting, first: number) {
  const { guidance, ids, model, signal } = config;
  if (guidance === undefined || isNeutralScale(guidance.scale)) {
    return undefined;
  }
  const { scale } = guidance;
  const { vocabularySize } = model;
  const prompt = leadingIds(guidance.ids, candidates, first);
  const generation = new Generation(prompt, ids.length - first, GrammarTable.unconstrained(vocabularySize));
  const source = new LogitsSource(model, prompt, first, signal);
  const mixed = new Float32Array(candidates.length * vocabularySize);
  // By row: a batch's other rows may begin elsewhere.
  const scales = Array.from({ length: ids.count }, (_, row) => scalesOf(row));
  function scalesOf(row: number): (position: number) => number {
    if (typeof scale === "number") {
      return () => scale;
    }
    const unknown = Array.from({ length: ids.length }, (_, i) => i).filter(
      (position) => !knownIds.isKnown(row, position),
    );
    const values = guidanceScales(scale, unknown.length);
    const byPosition = new Map(unknown.map((position, i) => [position, values[i]!]));
    return (position) => byPosition.get(position) ?? 1;
  }
  return {
    async mix(logits: Float32Array, position: number): Promise<Float32Array> {
      const without = await source.next(generation);
      for (const [i, { row }] of candidates.entries()) {
        const factor = scales[row]!(position);
        for (let entry = i * vocabularySize; entry < (i + 1) * vocabularySize; entry++) {
          mixed[entry] = without[entry]! + (logits[entry]! - without[entry]!) * factor;
        }
      }
      return mixed;
    },
    append(chosen: Int32Array, position: number): void {
      generation.append(
        chosen.map((id, i) => {
          const { row } = candidates[i]!;
          return knownIds.isKnown(row, position) ? guidance.ids.data[row * ids.length + position]! : id;
        }),
      );
    },
    dispose: () => source.dispose(),
  };
}
