import { AbortedError } from "@mmgen/core";
import type { SequenceModels } from "../model/model-parts.js";
import { type CodedPairs, firstPairs, orderedSequences } from "../stages/training-examples.js";
import type { ScoreOptions } from "./score-pairs.js";

/**
 * Negative log-likelihood of each caption given its image, in nats: of pairs written with the image first, the sum over
 * the words. A model that learned the other order alone knows nothing of it.
 *
 * @param models - Of a layout with both orders.
 * @returns One number a pair.
 */
export async function captionNats(
  { tokenizer, transformer }: SequenceModels,
  pairs: CodedPairs,
  { batchSize = 100, signal }: ScoreOptions = {},
): Promise<Float64Array> {
  const nats = new Float64Array(pairs.captions.length);
  for (let start = 0; start < nats.length; start += batchSize) {
    if (signal?.aborted) {
      throw new AbortedError("Stopped while captions were scored.", { cause: signal.reason });
    }
    const batch = orderedSequences(tokenizer, pairsFrom(pairs, start, batchSize), "image-first");
    const { targets, weights } = batch;
    const losses = await transformer.lossPerPosition(batch);
    for (const [at, id] of targets.data.entries()) {
      const isCounted = weights === undefined || weights[at]! > 0;
      if (isCounted && tokenizer.modality(id) === "text") {
        nats[start + Math.floor(at / targets.length)]! += losses[at]!;
      }
    }
  }
  return nats;
}

/** Pairs from one on, as views of the same memory. */
function pairsFrom({ captions, codes }: CodedPairs, start: number, limit: number): CodedPairs {
  const data = codes.data.subarray(start * codes.height * codes.width);
  const rest = { captions: captions.slice(start), codes: { ...codes, data, count: codes.count - start } };
  return firstPairs(rest, limit);
}
