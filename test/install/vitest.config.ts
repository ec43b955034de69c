import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  root: fileURLToPath(new URL("../..", import.meta.url)),
  test: {
    include: ["test/install/*.check.ts"],
    reporters: ["verbose"],
    hideSkippedTests: true,
    maxConcurrency: 2,
    testTimeout: 600_000,
    hookTimeout: 120_000,
  },
});
