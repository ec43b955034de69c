import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { defineConfig, type Plugin } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const harness = fileURLToPath(new URL("./examples/harness/src/", import.meta.url));
const packages = fileURLToPath(new URL("./packages/", import.meta.url));
const oneThread = fileURLToPath(new URL("./test/fixtures/one-thread.cjs", import.meta.url));

const withoutTensors = [
  "packages/{core,datasets,multimodal-tokenizer,plots,samplers}/src/**/*.test.ts",
  "examples/harness/src/**/*.test.ts",
];
const ofBackend = ["packages/backend-onnx/src/**/*.test.ts"];
const all = [
  "packages/*/src/**/*.test.ts",
  "examples/*/src/**/*.test.ts",
  "apps/*/src/**/*.test.ts",
  "test/**/*.test.ts",
];

/** Files that take longest, started first: a long one that starts last leaves a core idle. */
const longest = [
  "test/pipeline-commands",
  "test/packed-consumer",
  "test/readme",
  "examples/full-pipeline/src/pipeline",
  "test/killed-training",
  "examples/latent-faces/src/pipeline",
  "packages/training/src/checkpoints/kill-and-resume",
].map((name) => `${name}.test.ts`);

/** Files that need a process of their own, because of what they change in it or must find as it is in a new one. */
const alone = [
  ...longest,
  // Replace kernels or gradients, or test how these are registered.
  "packages/nn/src/gradients.test.ts",
  "packages/nn/src/gradients/*.test.ts",
  // Watch the process's memory and threads, or load modules anew.
  "packages/backend-onnx/src/c-api/shared-pool.test.ts",
  "packages/backend-onnx/src/engine/limits.test.ts",
  "packages/backend-onnx/src/export/export-onnx.test.ts",
  "packages/mmgen/src/folder/select-backend.test.ts",
  "test/starting-a-backend.test.ts",
  // Holds the compiler and everything that it knows.
  "test/snippet-types.test.ts",
  // Import the backend wasm, which takes precedence over plain JavaScript from then on.
  "test/{gradients-on-wasm,models-on-wasm,nan-ids,quantizers-on-backends}.test.ts",
];

/** The long files first, then projects in turn: a process goes on to the next file only within its project. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) =>
      (longest.findIndex((name) => moduleId.endsWith(name)) + longest.length + 1) % (longest.length + 1);
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

/** tfjs-core's gradients as one module: they are hundreds of files, which every process would load one by one. */
const bundledGradients: Plugin = {
  name: "bundled-gradients",
  async load(id) {
    if (!id.endsWith("/tfjs-core/dist/register_all_gradients.js")) {
      return undefined;
    }
    const { outputFiles } = await build({ entryPoints: [id], bundle: true, write: false, format: "esm" });
    return outputFiles[0]!.text;
  },
};

const engine = { isolate: false, setupFiles: ["test/fixtures/fresh-engine.ts"] };

export default defineConfig({
  plugins: [bundledGradients],
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
      // Processes import everything once and go from file to file, which leave nothing behind.
      { extends: true, test: { name: "plain", include: withoutTensors, isolate: false } },
      { extends: true, test: { ...engine, name: "onnx", include: ofBackend, exclude: alone } },
      // Computes with one thread a process: two processes with two threads each wait for each other most of the time.
      {
        extends: true,
        test: {
          ...engine,
          name: "shared",
          include: all,
          exclude: [...withoutTensors, ...ofBackend, ...alone, "**/node_modules/**"],
          execArgv: ["--require", oneThread],
        },
      },
      { extends: true, test: { name: "alone", include: alone, execArgv: ["--require", oneThread] } },
    ],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
