import type { SequenceDecoding, SequenceModel, TokenBatch } from "@mmgen/core";
import type { TrainedModels } from "@mmgen/example-common";
import { generate } from "@mmgen/samplers";

/** Milliseconds that a way of generating takes, by ids generated. */
export interface TimingSeries {
  readonly label: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** Rows generated together. */
const rows = 16;

/** Runs of which the fastest counts: the others waited for something else. */
const runs = 3;

/** Times the generation of pairs up to several lengths: as a whole, step by step with a cache, and without one. */
export async function timeGeneration({ tokenizer, transformer }: TrainedModels, signal: AbortSignal) {
  const { vocabularySize, contextLength } = transformer;
  const stepwise = { vocabularySize, contextLength };
  const ways: Readonly<Record<string, SequenceModel>> = {
    ...(transformer.decode && { "all steps in one call": transformer }),
    "a step a call, with a cache": { ...stepwise, prefill: (ids) => transformer.prefill(ids) },
    "a step a call, without": { ...stepwise, prefill: (ids) => uncached(transformer, ids) },
  };
  const prompt = tokenizer.promptForPairs(rows);
  const longest = tokenizer.sequenceLength - prompt.length;
  const lengths = [...new Set([1 / 4, 1 / 2, 3 / 4, 1].map((share) => Math.ceil(share * longest)))];
  const series: TimingSeries[] = [];
  for (const [label, model] of Object.entries(ways)) {
    const y: number[] = [];
    for (const steps of lengths) {
      const options = { model, prompt, steps, grammar: tokenizer.grammar(), seed: 1, signal };
      // What is compiled once is not timed.
      await generate(options);
      y.push(await fastest(() => generate(options)));
    }
    series.push({ label, x: lengths, y });
  }
  return { rows, series };
}

async function fastest(run: () => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    await run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

/** A decode that keeps nothing but the ids: every step runs the whole sequence again. */
async function uncached(model: SequenceModel, prompt: TokenBatch): Promise<SequenceDecoding> {
  const { count } = prompt;
  let ids = prompt;
  let current = await model.prefill(ids);
  return {
    get logits() {
      return current.logits;
    },
    get length() {
      return ids.length;
    },
    async step(next) {
      const length = ids.length + 1;
      const data = new Int32Array(count * length);
      for (let row = 0; row < count; row++) {
        data.set(ids.data.subarray(row * ids.length, (row + 1) * ids.length), row * length);
        data[row * length + ids.length] = next[row]!;
      }
      ids = { data, count, length };
      current.dispose();
      current = await model.prefill(ids);
      return current.logits;
    },
    dispose: () => current.dispose(),
  };
}
