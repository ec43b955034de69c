import { defineConfig } from "vitest/config";

/** `npm run check-release`; see main.mjs. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["*.check.ts"],
    globalSetup: "./set-up.ts",
    reporters: ["verbose", "./table.ts"],
    pool: "forks",
    maxWorkers: 1,
    maxConcurrency: 2,
    // One cell of the table installs a package and runs every example of its README.
    testTimeout: 900_000,
    hookTimeout: 900_000,
  },
});
