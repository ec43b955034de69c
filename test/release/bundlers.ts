import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { root } from "../fixtures/bundle.fixture.js";
import { compileSnippet } from "../fixtures/consumer.fixture.js";
import { isChosen } from "./choice.js";
import { managers, Project } from "./managers.js";
import { hasBrowser, openPage } from "./page.js";
import { attempt, type Command, run } from "./run.js";

const example = join(root, "examples", "in-the-browser");
const settings = join(import.meta.dirname, "bundlers");
const wasmImport = /^import (\w+) from ("@tensorflow\/tfjs-backend-wasm\/wasm-out\/(.*)");$/gm;

/** A bundler, set up as its users do. */
interface Bundler {
  readonly id: string;
  /** Packages with versions. */
  readonly packages: readonly string[];
  /** Files of `bundlers/`. */
  readonly files: readonly string[];
  readonly build: Command;
  /** How the source says that a WebAssembly file is wanted by its address, in place of the default export. */
  readonly wasm?: string;
  /** Whether index.html is an input; else it is put beside the output. */
  readonly takesHtml?: boolean;
}

const bundlers: readonly Bundler[] = [
  {
    id: "vite",
    packages: ["vite@8.4.0"],
    files: ["vite.config.mjs"],
    build: ["npx", "vite", "build"],
    wasm: 'import $1 from "@tensorflow/tfjs-backend-wasm/wasm-out/$3?url";',
    takesHtml: true,
  },
  {
    id: "webpack",
    packages: ["webpack@5.113.0", "webpack-cli@6"],
    files: ["webpack.config.mjs"],
    build: ["npx", "webpack", "--config", "webpack.config.mjs"],
  },
  {
    id: "esbuild",
    packages: ["esbuild@0.28.2"],
    files: [],
    build: [
      "npx",
      "esbuild",
      "src/main.js",
      "--bundle",
      "--minify",
      "--format=esm",
      "--loader:.wasm=file",
      "--outdir=out",
    ],
  },
  {
    id: "rollup",
    packages: ["rollup@4.67.4", "@rollup/plugin-commonjs@29", "@rollup/plugin-node-resolve@16", "@rollup/plugin-url@8"],
    files: ["rollup.config.mjs"],
    build: ["npx", "rollup", "--config", "rollup.config.mjs"],
  },
  {
    id: "next",
    packages: ["next@16.4.6", "react@19", "react-dom@19"],
    files: ["next"],
    build: ["npx", "next", "build"],
    // The files lie in `public`.
    wasm: 'const $1 = "/$3";',
    takesHtml: true,
  },
];

/** The example's page, built by each bundler from what npm installs, without a warning; then opened. */
export function checkBundlers(): void {
  for (const bundler of bundlers.filter(({ id }) => isChosen(id))) {
    describe(bundler.id, () => {
      it("the page of examples/in-the-browser", async (context) => {
        const project = await Project.create(managers.npm, inject("published"));
        const { dependencies } = JSON.parse(readFileSync(join(example, "package.json"), "utf8"));
        const ours = Object.entries<string>(dependencies).map(([name, range]) =>
          name.startsWith("@tensorflow/") ? `${name}@${range}` : name,
        );
        await project.add([...ours, ...bundler.packages], ["--ignore-scripts"]);
        writeSources(project.path, bundler);

        const surroundings = { cwd: project.path, env: { ...project.env, NEXT_TELEMETRY_DISABLED: "1" } };
        const { status, stdout, stderr } = await attempt(bundler.build, surroundings);
        expect(status, stdout + stderr).toBe(0);
        expect((stdout + stderr).split("\n").filter((line) => /warn/i.test(line))).toEqual([]);
        if (!bundler.takesHtml) {
          cpSync(join(example, "public"), join(project.path, "out"), { recursive: true });
        }

        if (!hasBrowser()) {
          context.skip("built without a warning, but not opened: there is no Chromium");
        }
        await run([process.execPath, "train.mjs"], surroundings);
        const html = await openPage([join(project.path, "out"), project.path]);
        expect(html).toContain("<title>mmgen in the browser (wasm)</title>");
        expect(html).toMatch(/id="written">[a-z ]+</);
        expect(html.match(/<canvas/g)).toHaveLength(19);
      });
    });
  }
}

/** The example's files as JavaScript, and the bundler's own. */
function writeSources(path: string, { files, wasm, id }: Bundler): void {
  mkdirSync(join(path, "src"));
  for (const file of readdirSync(join(example, "src")).filter((name) => /^[a-z-]+\.ts$/.test(name))) {
    const code = compileSnippet(readFileSync(join(example, "src", file), "utf8"), "module");
    const adapted = wasm === undefined ? code : code.replace(wasmImport, wasm);
    writeFileSync(join(path, "src", file.replace(/ts$/, "js")), adapted);
  }
  cpSync(join(settings, "train.mjs"), join(path, "train.mjs"));
  for (const file of files) {
    cpSync(join(settings, file), file === "next" ? path : join(path, file), { recursive: true });
  }
  const html = readFileSync(join(example, "public", "index.html"), "utf8");
  if (id === "vite") {
    cpSync(join(example, "public", "style.css"), join(path, "style.css"));
    writeFileSync(join(path, "index.html"), html.replace('src="main.js"', 'src="src/main.js"'));
  }
  if (id === "next") {
    const [, body] = /<body>(.*)<\/body>/s.exec(html)!;
    writeFileSync(join(path, "page.js"), `export const page = ${JSON.stringify(body)};\n`);
    const modules = join(path, "node_modules", "@tensorflow", "tfjs-backend-wasm", "wasm-out");
    mkdirSync(join(path, "public"));
    for (const name of readdirSync(modules).filter((file) => file.endsWith(".wasm"))) {
      cpSync(join(modules, name), join(path, "public", name));
    }
  }
}
