import { ConfigError, checkTokenBatch, type LegalRanges, type Random, type TokenBatch } from "@mmgen/core";
import { fields, optional, resolveOptions, seededRandom, typedArray, value, wholeNumber } from "@mmgen/core/options";
import { checkOriginal, checkRanges, legalEntry, spreadFlags } from "./code-positions.js";
import { type CorruptedBatch, maskByCosine, maskByCount, replaceTwice, takeSteps } from "./corruptions.js";
import { type KernelConfig, type KernelOptions, masksIds, resolveKernel } from "./kernels.js";

/** Options of {@link corruptBatch}. */
export interface CorruptionOptions {
  /** Original ids, `[rows, length]`; borrowed. */
  readonly ids: TokenBatch;
  readonly kernel: KernelOptions;
  readonly random: Random;
  /**
   * `[length]`, or `[rows, length]`: 1 for codes, which may be corrupted, 0 for what is always known, such as a caption.
   * Default: all are codes.
   */
  readonly corruptible?: Uint8Array | undefined;
  /** Legal ids at each position. Required by kernels that replace codes. Default: not checked. */
  readonly legal?: LegalRanges | undefined;
  /** Id of masked positions. Required by kernels that mask codes. Default: none. */
  readonly maskId?: number | undefined;
}

const corruptionSchema = fields({
  ids: value<TokenBatch>("a batch of ids", (ids) => typeof ids === "object" && ids !== null),
  kernel: value<KernelOptions>("a kernel", () => true),
  random: seededRandom(),
  corruptible: optional(typedArray<Uint8Array>("Uint8Array")),
  legal: legalEntry,
  maskId: optional(wholeNumber({ min: 0 })),
});

/**
 * Corrupts a batch as a kernel does in training. The times of the rows are spread evenly over their range, so that each
 * batch has early and late ones.
 *
 * `TinyTransformer` with `causal: false` takes the result as it is.
 *
 * @returns A new batch; yours.
 * @throws a `ShapeError`, `DataError` or {@link ConfigError} when ids, ranges or options do not fit each other.
 */
export function corruptBatch(options: CorruptionOptions): CorruptedBatch {
  const resolved = resolveOptions(corruptionSchema, options);
  const { ids, random, legal, maskId } = resolved;
  const kernel = resolveKernel(resolved.kernel);
  checkTokenBatch(ids);
  const open = spreadFlags("corruptible", resolved.corruptible, ids, 1);
  if (masksIds(kernel) && maskId === undefined) {
    throw new ConfigError(`maskId: required by a kernel that masks codes, such as "${kernel.type}".`);
  }
  if (legal !== undefined) {
    checkRanges(legal, { open, length: ids.length, maskId, vocabularySize: Number.POSITIVE_INFINITY });
    checkOriginal(ids, { open, legal });
  }
  const inputs = { ...ids, data: ids.data.slice() };
  const corruption = { inputs, targets: ids, open, maskId: maskId ?? -1, random };
  switch (kernel.type) {
    case "absorbing":
      return maskByCount(corruption);
    case "maskgit":
      return maskByCosine(corruption);
    case "chain":
      return replaceTwice(corruption, kernel, requireLegal(legal, kernel));
    default:
      return takeSteps(corruption, kernel, requireLegal(legal, kernel));
  }
}

function requireLegal(legal: LegalRanges | undefined, { type }: KernelConfig): LegalRanges {
  if (legal === undefined) {
    throw new ConfigError(`legal: required by a kernel that replaces codes, such as "${type}".`);
  }
  return legal;
}
