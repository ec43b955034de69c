import { describe, it } from "vitest";
import { type DiffusionSamplerOptions, denoise } from "../index.js";
import { expectFrequencies } from "../processors/frequencies.fixture.js";
import { agreeing, jointModel } from "./joint-model.fixture.js";

const shape = { codes: 3, length: 2, weight: agreeing };
const rows = 3000;
const blank = (count: number, length = 2) => ({ data: new Int32Array(count * length), count, length });

/** How often each sequence was drawn. */
function countSequences(model: ReturnType<typeof jointModel>, data: Int32Array): number[] {
  const counts = new Array<number>(model.joint.length).fill(0);
  for (let i = 0; i < data.length; i += model.length) {
    counts[model.indexOf(data.subarray(i, i + model.length))]!++;
  }
  return counts;
}

describe("sampled sequences match exact probabilities", () => {
  const masking: [string, DiffusionSamplerOptions][] = [
    ["ancestral, one code a round", { type: "ancestral", rounds: 60 }],
    ["ancestral, cosine", { type: "ancestral", rounds: 60, schedule: "cosine" }],
    ["remasking", { type: "remasking", rounds: 60, eta: 0.04 }],
  ];
  it.each(masking)("%s", async (_, sampler) => {
    // Where no two codes are drawn in one round, exact conditionals give exact sequences; with 60 rounds few are.
    const model = jointModel(shape);
    const { maskId } = model;
    const { data } = await denoise({
      model,
      ids: blank(rows),
      kernel: { type: "absorbing" },
      maskId,
      sampler,
      seed: 2,
    });
    expectFrequencies(countSequences(model, data), model.joint, 8);
  });
});
