import { spawnSync } from "node:child_process";
import { transform } from "esbuild";
import { expect, it } from "vitest";
import { root } from "./fixtures/bundle.fixture.js";
import { environment, oneThread, preload } from "./fixtures/consumer.fixture.js";

// The builds run, not the sources: what stands in for the missing symbol is put in by the build (tsup.dispose.mjs). Needs
// the builds (`npm run build`, which `npm test` calls).

/** What a page does with a model, in a browser whose `Symbol` has no `dispose`. */
const program = `
  const { Symbol: native } = globalThis;
  const { dispose, asyncDispose, ...older } = Object.getOwnPropertyDescriptors(native);
  globalThis.Symbol = Object.defineProperties((description) => native(description), older);

  const tf = await import("@tensorflow/tfjs-core");
  await import("@tensorflow/tfjs-backend-wasm");
  const { MultimodalModel } = await import("mmgen");
  await tf.setBackend("wasm");

  const shape = { count: 4, height: 16, width: 16, channels: 1, maxValue: 255 };
  const options = {
    images: { data: Uint8Array.from({ length: 4 * 16 * 16 }, (_, i) => (i * 97) % 256), ...shape },
    captions: ["a dot", "plain", "a dot", "plain"],
    preset: "smoke",
    vqvae: {
      head: "regression",
      network: { levels: [4, 4], levelBlocks: 0, residualBlocks: 0, normalization: "group" },
      quantizer: { codebookSize: 4 },
      training: { steps: 1, batchSize: 2 },
      refinement: { steps: 1, batchSize: 2, classifierSteps: 1, discriminatorChannels: 4 },
    },
    transformer: { width: 8, heads: 1, layers: 1, training: { steps: 1, batchSize: 2 } },
  };
  const estimates = Object.keys(await MultimodalModel.estimateMemory(options));
  const left = [tf.memory().numTensors];
  let saved;
  {
    using model = await MultimodalModel.train(options);
    saved = [...(await model.save({ dtype: "q8" })).keys()];
  }
  left.push(tf.memory().numTensors);
  const isMisnamed = "undefined" in MultimodalModel.prototype;
  console.log(JSON.stringify({ symbol: typeof Symbol.dispose, estimates, saved, left, isMisnamed }));
`;

it("estimates, trains and saves without Symbol.dispose, and a page's own using frees the model", async () => {
  const { code } = await transform(program, { format: "esm", target: "es2022" });
  const { stderr, stdout } = spawnSync(process.execPath, ["--input-type=module"], {
    ...{ cwd: root, encoding: "utf8", input: code },
    env: { ...environment, NODE_OPTIONS: preload(oneThread) },
  });
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toEqual({
    symbol: "undefined",
    estimates: ["vqvae", "refinement", "transformer"],
    saved: expect.arrayContaining(["model.json"]),
    left: [0, 0],
    isMisnamed: false,
  });
});
