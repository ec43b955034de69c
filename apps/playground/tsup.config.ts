import { existsSync } from "node:fs";
import { cp } from "node:fs/promises";
import { defineConfig } from "tsup";

/** The page as a folder of static files. */
export default defineConfig({
  entry: { main: "src/main.ts", worker: "src/worker.ts" },
  format: ["esm"],
  target: "es2022",
  platform: "browser",
  clean: true,
  minify: true,
  splitting: true,
  publicDir: "public",
  noExternal: [/./],
  loader: { ".wasm": "file" },
  async onSuccess() {
    if (existsSync("models")) {
      await cp("models", "dist/models", { recursive: true });
    }
  },
});
