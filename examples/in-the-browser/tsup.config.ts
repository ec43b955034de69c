import { defineConfig } from "tsup";

/** The page as a folder of static files. */
export default defineConfig({
  entry: { main: "src/main.ts" },
  format: ["esm"],
  target: "es2022",
  platform: "browser",
  clean: true,
  minify: true,
  splitting: false,
  publicDir: "public",
  noExternal: [/./],
  loader: { ".wasm": "file" },
});
