import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  assetsInclude: ["**/*.wasm"],
  build: { outDir: "out", target: "es2022", assetsInlineLimit: 0, chunkSizeWarningLimit: 2000 },
});
