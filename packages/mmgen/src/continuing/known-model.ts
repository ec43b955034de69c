import {
  type CheckpointError,
  ConfigError,
  checkOneOf,
  describeValue,
  fingerprint,
  type ImageBatch,
  ShapeError,
} from "@mmgen/core";
import type { ModelDescription } from "../model/model-description.js";
import { checkSizes, type ModelParts, tokenizerFile, weightBytes } from "../model/model-parts.js";

/** A trained model to go on from: a `MultimodalModel`, or its parts. */
export interface KnownModel extends ModelParts {
  /** How it samples, for the model to come. Default: as the preset says. */
  readonly config?: Partial<Pick<ModelDescription, "sampling" | "diffusion">> | undefined;
}

/** What of a model to go on from can be kept as it is. */
export type FrozenPart = (typeof frozenParts)[number];
/** Names of the parts that can be kept. */
export const frozenParts = ["vqvae"] as const;

/** What a training begins with. */
export interface Continuing {
  /**
   * A trained model to go on from: image codec and transformer begin with its weights. Words and codes keep what was learned
   * of them; new words, and what else it does not have, begin anew. Borrowed; it stays as it is. Default: random weights.
   */
  readonly from?: KnownModel | undefined;
  /**
   * Part of `from` that stays as it is. With `vqvae` the transformer alone is trained, and codes keep their meaning.
   * Default: none.
   */
  readonly freeze?: FrozenPart | undefined;
}

/** Names of the fields of {@link Continuing}. */
export const continuingFields = ["from", "freeze"] as const;

/**
 * Refuses what a training cannot begin with.
 *
 * @throws a `ConfigError` when `freeze` stands alone or `from` is no model; a `ShapeError` when the images are of another
 *   shape or range than its own.
 */
export function checkContinuing({ freeze, from }: Continuing, images: ImageBatch): void {
  if (freeze !== undefined) {
    checkOneOf("freeze", freeze, frozenParts);
  }
  if (from === undefined) {
    if (freeze !== undefined) {
      throw new ConfigError("freeze: needs from, the model whose part stays as it is.");
    }
    return;
  }
  if (!hasParts(from)) {
    throw new ConfigError(
      `from: expected a MultimodalModel, or { vqvae, tokenizer, transformer }, got ${describeValue(from)}.`,
    );
  }
  const { tokenizer, transformer, vqvae } = from;
  try {
    checkSizes({ tokenizer, transformer, vqvae });
  } catch (cause) {
    throw new ConfigError(`from: ${(cause as CheckpointError).message}`, { cause });
  }
  const [own, its] = [images, vqvae.imageShape].map(
    ({ channels, height, maxValue, width }) => `${height}×${width}×${channels} pixels of levels 0 to ${maxValue}`,
  );
  if (own !== its) {
    throw new ShapeError(
      `images: from takes images of ${its}, got ${own}. Give images of that shape, or train without from.`,
    );
  }
}

/** Tells parts by what they have: those of another copy of their packages will do. */
function hasParts(from: KnownModel | null): boolean {
  const { tokenizer, transformer, vqvae } = from ?? {};
  return [tokenizer, transformer, vqvae].every((part) => typeof part?.config === "object");
}

/** An id of the weights and words that a training begins with, kept in its checkpoints; undefined where they are random. */
export async function beginningId({ from }: Continuing): Promise<string | undefined> {
  return (
    from &&
    fingerprint([
      tokenizerFile(from.tokenizer),
      ...(await weightBytes(from.vqvae)),
      ...(await weightBytes(from.transformer)),
    ])
  );
}
