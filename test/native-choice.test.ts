import { gumbelNoise } from "@mmgen/core";
import { sampleId } from "@mmgen/samplers";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { anyLogits } from "../packages/samplers/src/processors/arbitraries.fixture.js";
import { chooseIds } from "../packages/tiny-transformer/src/decoding/choose-ids.js";

const rows = 4;
const vocabularySize = 6;

// Few values: then no sum of probabilities comes so near to a top-p that its last bits decide.
const ordinary = fc.constantFrom(-2, -0.5, 0, 0.75, 1.5);
const anyRow = fc.record({
  logits: anyLogits(vocabularySize, ordinary),
  legal: fc.subarray([0, 1, 2, 3, 4, 5], { minLength: 1 }),
});

it("a native decode's graph chooses the ids that the sampler chooses, whatever the logits", async () => {
  await tf.setBackend("cpu");
  fc.assert(
    fc.property(
      fc.array(anyRow, { minLength: rows, maxLength: rows }),
      fc.constantFrom(0, 2 ** -10, 0.5, 1, 2),
      fc.option(fc.integer({ min: 1, max: vocabularySize + 1 }), { nil: undefined }),
      fc.constantFrom(undefined, 0.3, 0.71),
      fc.nat({ max: 1000 }),
      (batch, temperature, topK, topP, position) => {
        const noise = batch.map((_, seed) => [...gumbelNoise(seed, position, vocabularySize)]);
        const legality = batch.map(({ legal }) =>
          Array.from({ length: vocabularySize }, (_, id) => (legal.includes(id) ? 0 : Number.NEGATIVE_INFINITY)),
        );
        const chosen = tf.tidy(() =>
          chooseIds(tf.tensor2d(batch.map(({ logits }) => logits)), tf.tensor2d(legality), tf.tensor2d(noise), {
            temperature,
            ...(topK && { topK }),
            ...(topP && { topP }),
          }).arraySync(),
        );
        const expected = batch.map(({ logits, legal }, seed) =>
          sampleId(Float32Array.from(logits), {
            legal,
            temperature,
            topK,
            topP,
            seed,
            position,
          }),
        );
        expect(chosen).toEqual(expected);
      },
    ),
    { numRuns: 2000 },
  );
});
