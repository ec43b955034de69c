import { defineConfig } from "tsup";

export default defineConfig({
  entry: { main: "src/main.ts", generate: "src/generate.ts", evaluate: "src/evaluate.ts" },
  format: ["esm"],
  target: "node20",
  platform: "node",
  clean: true,
  sourcemap: true,
  splitting: true,
});
