import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const harness = fileURLToPath(new URL("./examples/harness/src/", import.meta.url));
const packages = fileURLToPath(new URL("./packages/", import.meta.url));

const all = ["packages/*/src/**/*.test.ts", "examples/*/src/**/*.test.ts", "test/**/*.test.ts"];
const withoutTensors = [
  "packages/{core,datasets,multimodal-tokenizer,plots,samplers}/src/**/*.test.ts",
  "examples/harness/src/**/*.test.ts",
];

/** Files that take longest, started first: a long one that starts last leaves a core idle. */
const longest = ["test/readme", "test/packed-consumer", "test/pipeline-commands", "full-pipeline/src/pipeline"];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) =>
      (longest.findIndex((name) => moduleId.includes(`${name}.test.ts`)) + longest.length + 1) % (longest.length + 1);
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  resolve: {
    alias: [
      { find: /^@mmgen\/example-harness$/, replacement: `${harness}index.ts` },
      { find: /^mmgen$/, replacement: `${packages}mmgen/src/index.ts` },
      { find: /^mmgen\/([a-z-]+)$/, replacement: `${packages}mmgen/src/$1.ts` },
      { find: /^@mmgen\/([a-z-]+)$/, replacement: `${packages}$1/src/index.ts` },
      { find: /^@mmgen\/([a-z-]+)\/([a-z-]+(?:\.fixture)?)$/, replacement: `${packages}$1/src/$2.ts` },
    ],
  },
  test: {
    // onnxruntime-node and worker threads do not mix (microsoft/onnxruntime #24486).
    pool: "forks",
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    setupFiles: ["test/fixtures/setup.ts"],
    projects: [
      // Without tensors nothing is left behind from file to file: they share a process, which imports everything once.
      { extends: true, test: { name: "plain", include: withoutTensors, isolate: false } },
      { extends: true, test: { name: "tensors", include: all, exclude: [...withoutTensors, "**/node_modules/**"] } },
    ],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
