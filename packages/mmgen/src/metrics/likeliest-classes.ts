import { AbortedError, type CodeBatch } from "@mmgen/core";
import type { SequenceModels } from "../model/model-parts.js";
import { orderedSequences } from "../stages/training-examples.js";
import type { ScoreOptions } from "./score-pairs.js";

/**
 * The class that each image's codes most likely belong to, of a model in the layout `class`: the one whose sequence, class
 * and codes together, is likeliest. It takes a pass of the model for each class.
 *
 * @see Ng and Jordan 2001, On discriminative vs. generative classifiers
 */
export async function likeliestClasses(
  { tokenizer, transformer }: SequenceModels,
  codes: CodeBatch,
  { batchSize = 100, signal }: ScoreOptions = {},
): Promise<string[]> {
  const { words } = tokenizer.config;
  const size = codes.height * codes.width;
  const best = new Array<string>(codes.count).fill("");
  for (let start = 0; start < codes.count; start += batchSize) {
    const count = Math.min(batchSize, codes.count - start);
    const part = { ...codes, data: codes.data.subarray(start * size, (start + count) * size), count };
    const least = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
    for (const name of words) {
      if (signal?.aborted) {
        throw new AbortedError("Stopped while images were told apart.", { cause: signal.reason });
      }
      const captions = new Array<string>(count).fill(name);
      const batch = orderedSequences(tokenizer, { codes: part, captions }, "text-first");
      const nats = await transformer.lossPerPosition(batch);
      for (let row = 0; row < count; row++) {
        const inAll = nats.subarray(row * (size + 1), (row + 1) * (size + 1)).reduce((sum, each) => sum + each, 0);
        if (inAll < least[row]!) {
          least[row] = inAll;
          best[start + row] = name;
        }
      }
    }
  }
  return best;
}
