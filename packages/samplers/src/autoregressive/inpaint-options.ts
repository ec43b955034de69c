import {
  ConfigError,
  checkTokenBatch,
  type Grammar,
  type SequenceModel,
  ShapeError,
  type TokenBatch,
} from "@mmgen/core";
import { type ConfigOf, fields, optional, resolveOptions, typedArray, wholeNumber } from "@mmgen/core/options";
import { type GuidanceScale, guidanceScaleSchema } from "../guidance/guidance-scales.js";
import type { SamplingConfig, SamplingOptions } from "../processors/sampling-options.js";
import { sequenceEntries, splitSampling, tokens } from "./generate-options.js";

/** Options of `inpaint`. */
export interface InpaintOptions extends SamplingOptions {
  readonly model: SequenceModel;
  /** Whole sequences, `[rows, length]`; ids at unknown positions are not read. Borrowed. */
  readonly ids: TokenBatch;
  /** 1 where the id is given, `[rows, length]`; the first id of every row is. Borrowed. */
  readonly known: Uint8Array;
  /** Candidates drawn for each row, of which one is kept. Default 8. */
  readonly candidates?: number | undefined;
  /** Grammar of whole sequences; absent: every id is legal. */
  readonly grammar?: Grammar | undefined;
  /** Base seed, from which `rowSeeds` derives the seeds of the rows. This or `seeds` is required unless `temperature` is 0. */
  readonly seed?: number | undefined;
  /** One seed per row, unsigned 32-bit. Default: none. */
  readonly seeds?: Uint32Array | undefined;
  /**
   * Classifier-free guidance: the rows without their condition, shaped as `ids`, and the scale, from the first unknown id of
   * a row to its last. Default: none.
   */
  readonly guidance?: { readonly ids: TokenBatch; readonly scale: GuidanceScale } | undefined;
  /** Stops with an `AbortedError`, at the latest after the current step. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

const inpaintSchema = fields({
  ...sequenceEntries,
  ids: tokens,
  known: typedArray<Uint8Array>("Uint8Array"),
  candidates: optional(wholeNumber({ min: 1, max: 2 ** 16 }), 8),
  guidance: optional(fields({ ids: tokens, scale: guidanceScaleSchema })),
});

/** {@link InpaintOptions} checked against each other, with defaults filled in. */
export type InpaintConfig = Omit<ConfigOf<typeof inpaintSchema>, keyof SamplingConfig> & {
  readonly sampling: SamplingConfig;
};

/**
 * Checks the options and fills in the defaults.
 *
 * @throws a {@link ConfigError}, {@link ShapeError} or `VocabularyError` that names the option.
 */
export function resolveInpaint(options: InpaintOptions): InpaintConfig {
  const config = splitSampling(resolveOptions(inpaintSchema, options));
  const { guidance, ids, known, model } = config;
  checkKnown("ids", ids, known, model.vocabularySize);
  if (ids.length < 1 || ids.length > model.contextLength) {
    throw new ShapeError(`ids: expected rows of 1 to ${model.contextLength} ids, got ${ids.length}.`);
  }
  if (guidance !== undefined) {
    if (guidance.ids.count !== ids.count || guidance.ids.length !== ids.length) {
      throw new ShapeError(
        `guidance.ids: expected the shape of ids, [${ids.count}, ${ids.length}], got [${guidance.ids.count}, ${guidance.ids.length}].`,
      );
    }
    checkKnown("guidance.ids", guidance.ids, known, model.vocabularySize);
  }
  for (let row = 0; row < ids.count; row++) {
    if (known[row * ids.length] !== 1) {
      throw new ConfigError(
        `known: the first id of row ${row} is unknown; expected at least the id that begins every sequence.`,
      );
    }
  }
  return config;
}

/** Checks the known ids alone: the others may be anything, such as a mask's. */
function checkKnown(name: string, ids: TokenBatch, known: Uint8Array, vocabularySize: number): void {
  checkTokenBatch(ids, undefined, name);
  if (known.length !== ids.data.length) {
    throw new ShapeError(`known: expected one flag for each of ${ids.data.length} ids, got ${known.length}.`);
  }
  const data = ids.data.map((id, i) => (known[i] === 1 ? id : 0));
  checkTokenBatch({ ...ids, data }, vocabularySize, name);
}
