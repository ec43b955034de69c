import { cp, readdir, readFile, writeFile } from "node:fs/promises";
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
  /** Adds the models, and a list of them, which a page cannot make by itself: names, and what they were trained on. */
  async onSuccess() {
    await cp("models", "dist/models", { recursive: true });
    const folders = (await readdir("models", { withFileTypes: true })).filter((entry) => entry.isDirectory());
    // Digits are the first: they take least.
    const names = folders.map(({ name }) => name).sort((a, b) => (a < b ? 1 : -1));
    const models = names.map(async (name) => {
      const [origin] = (await readFile(`models/${name}/LICENSE`, "utf8")).split("\n\n");
      return { name, origin };
    });
    await writeFile("dist/models/models.json", JSON.stringify(await Promise.all(models)));
  },
});
