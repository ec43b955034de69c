import type { DenoisePlan, Denoiser, TokenBatch } from "@mmgen/core";
import { type DenoiseOptions, denoise } from "../index.js";

/** Rows of zeros. */
export const blank = (count: number, length = 2) => ({ data: new Int32Array(count * length), count, length });

/** Logits that depend on the position and, unless `fixed`, on every id of the row; those of `loud` ids are the highest. */
export function noisyModel(
  length: number,
  vocabularySize: number,
  loud: number[] = [],
  fixed = length === 1,
): Denoiser {
  return {
    vocabularySize,
    async logits({ data, count }: TokenBatch) {
      const logits = new Float32Array(count * length * vocabularySize);
      for (let row = 0; row < count; row++) {
        let hash = 17;
        for (const id of data.subarray(row * length, fixed ? 0 : (row + 1) * length)) {
          hash = (Math.imul(hash ^ id, 0x9e3779b1) + 12345) | 0;
        }
        for (let i = 0; i < length * vocabularySize; i++) {
          const mixed = Math.imul(hash ^ Math.imul(i + 1, 0x85ebca6b), 0xc2b2ae35);
          const isLoud = loud.includes(i % vocabularySize);
          logits[row * length * vocabularySize + i] = isLoud ? 50 : ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 30 - 2;
        }
      }
      return logits;
    },
  };
}

/** The plan that a model of its own rounds would get. */
export async function planOf(options: DenoiseOptions): Promise<DenoisePlan> {
  const plans: DenoisePlan[] = [];
  const take = async (plan: DenoisePlan) => {
    plans.push(plan);
    const { from } = plan.legal;
    return { ...plan.ids, data: plan.ids.data.map((id, i) => (plan.known[i] === 1 ? id : from[i % plan.ids.length]!)) };
  };
  await denoise({ ...options, model: { ...options.model, denoise: take } });
  return plans[0]!;
}
