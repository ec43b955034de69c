import type { CodeBatch, TokenBatch } from "@mmgen/core";
import { inpaint, rowSeeds } from "@mmgen/samplers";
import { checkFields } from "../model/check-arguments.js";
import type { ModelParts, SequenceModels } from "../model/model-parts.js";
import { type Completion, completionPrompt } from "./completion-prompt.js";
import { completeSequences, type GenerationOptions, generationFields, type Pairs, rowsOf } from "./generate-pairs.js";
import { inPieces } from "./in-pieces.js";

/**
 * Completes images from any part of them and captions from their first words, and what belongs to them. Kept codes never
 * change.
 *
 * Codes of an encoder see some of their neighborhood, so the kept rows of an image know a little of what lies below them.
 *
 * The model draws an image's codes one after the other, from the first on, and sees only those before. Where the kept codes
 * are the first ones (upper rows), that is all there is to see. Where they are others (the middle, columns), a code is drawn
 * without sight of the kept ones that follow it. So `candidates` are drawn for each completion, and the one stays that makes
 * the kept codes likeliest: it costs as many times the draws, step by step rather than in one graph, and edges between kept
 * and drawn parts may still not fit. Models of discrete diffusion see both sides.
 *
 * @throws a `ConfigError` when what is to be kept is not there, or can be no part.
 */
export async function completePairs(
  models: ModelParts,
  completion: Completion,
  options: GenerationOptions = {},
): Promise<Pairs> {
  const { ids, known } = await completionPrompt(models, completion);
  const { codes, captions } =
    known === undefined
      ? await completeSequences(models, ids, options)
      : await inpaintSequences(models, { ids, known, candidates: completion.candidates ?? defaultCandidates }, options);
  return { images: await models.vqvae.decode(codes), codes, captions };
}

const defaultCandidates = 8;

/** Sequences of which more than a beginning is known. */
interface PartialSequences {
  /** `[rows, sequenceLength]`; ids at unknown places are not read. */
  readonly ids: TokenBatch;
  /** `[sequenceLength]`, 1 where the ids are given. */
  readonly known: Uint8Array;
  /** Sequences drawn for each row, of which one is kept. */
  readonly candidates: number;
}

/** Fills in what is not known of sequences. A row's result depends on the seed and its number alone. */
async function inpaintSequences(
  { tokenizer, transformer: model }: SequenceModels,
  { candidates, ids, known }: PartialSequences,
  options: GenerationOptions,
): Promise<{ readonly codes: CodeBatch; readonly captions: string[] }> {
  checkFields("", options, generationFields);
  const { guidance, onRound: _, seed = 0, signal, ...sampling } = options;
  const seeds = rowSeeds(seed, ids.count);
  const without = guidance === undefined ? undefined : tokenizer.withoutCondition(ids);
  const data = new Int32Array(ids.data.length);
  await inPieces(ids.count, { rowsEach: candidates, signal }, async (start, end) => {
    const part = await inpaint({
      ...{ model, grammar: tokenizer.grammar(), candidates, ...sampling },
      ids: rowsOf(ids, start, end),
      known: Uint8Array.from({ length: (end - start) * ids.length }, (_, i) => known[i % ids.length]!),
      seeds: seeds.subarray(start, end),
      ...(without && { guidance: { ids: rowsOf(without, start, end), scale: guidance! } }),
      ...(signal && { signal }),
    });
    data.set(part.data, start * ids.length);
  });
  return tokenizer.decode({ ...ids, data });
}
