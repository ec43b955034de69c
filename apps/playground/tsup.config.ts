import { cp, readdir, writeFile } from "node:fs/promises";
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
  /** Adds the models, and their names, which a page cannot list by itself. */
  async onSuccess() {
    await cp("models", "dist/models", { recursive: true });
    const folders = (await readdir("models", { withFileTypes: true })).filter((entry) => entry.isDirectory());
    const names = folders.map(({ name }) => name);
    // Digits are the first: they take least.
    await writeFile("dist/models/models.json", JSON.stringify(names.sort((a, b) => (a < b ? 1 : -1))));
  },
});
