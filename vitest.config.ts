import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const harness = fileURLToPath(new URL("./examples/harness/src/", import.meta.url));
const packages = fileURLToPath(new URL("./packages/", import.meta.url));

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
    include: ["packages/*/src/**/*.test.ts", "examples/*/src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
