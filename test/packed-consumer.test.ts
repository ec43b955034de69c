import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listEntries, listPackages } from "../scripts/workspace.mjs";
import { root } from "./fixtures/bundle.fixture.js";
import { listSnippets, type Snippet, withoutBanner } from "./fixtures/snippets.fixture.js";

// What `npm publish` would upload, installed into an empty project beside its peers and used as a stranger would.
// Needs the builds (`npm run build`, which `npm test` calls) and the npm registry or its cache.

const packages = listPackages();
const snippetsOf = ({ path }: { path: string }): Snippet[] =>
  existsSync(join(path, "README.md")) ? listSnippets(join(path, "README.md")) : [];
const snippets = packages.flatMap(snippetsOf);
const entries = packages.flatMap((workspacePackage) =>
  listEntries(workspacePackage).map(({ subpath }) => workspacePackage.name + subpath.slice(1)),
);

const consumer = mkdtempSync(join(tmpdir(), "mmgen-consumer-"));
afterAll(() => rmSync(consumer, { recursive: true, force: true }));

/** The environment without what the npm that runs these tests has put there for itself. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_ENV|VITEST|TEST|NODE_OPTIONS)/.test(name)),
);

function npm(folder: string, ...options: string[]): string {
  const { status, stdout, stderr } = spawnSync("npm", options, {
    cwd: folder,
    encoding: "utf8",
    shell: process.platform === "win32",
    env: { ...environment, ONNXRUNTIME_NODE_INSTALL: "skip" },
  });
  if (status !== 0) {
    throw new Error(`npm ${options.join(" ")} failed:\n${stdout}${stderr}`);
  }
  return stdout;
}

function run(file: string, code: string): void {
  writeFileSync(join(consumer, file), code);
  const { status, stderr } = spawnSync(process.execPath, [file], { cwd: consumer, encoding: "utf8", env: environment });
  expect(withoutBanner(stderr)).toBe("");
  expect(status).toBe(0);
}

/** A snippet as a module, or as a CommonJS script; its top-level await goes into an async function. */
function compile(code: string, module: ts.ModuleKind.ESNext | ts.ModuleKind.CommonJS): string {
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { module, target: ts.ScriptTarget.ES2022, esModuleInterop: true },
  });
  return module === ts.ModuleKind.CommonJS ? `(async () => {\n${outputText}\n})();\n` : outputText;
}

beforeAll(() => {
  const missing = packages.filter(({ path }) => !existsSync(join(path, "dist", "index.js")));
  if (missing.length > 0) {
    throw new Error(`${missing.map(({ name }) => name).join(", ")}: no dist. Run \`npm run build\` first.`);
  }
  npm(root, "pack", ...packages.map(({ name }) => `--workspace=${name}`), `--pack-destination=${consumer}`);
  const tarballs = readdirSync(consumer).filter((file) => file.endsWith(".tgz"));
  expect(tarballs).toHaveLength(packages.length);
  writeFileSync(join(consumer, "package.json"), '{ "name": "consumer", "private": true }');
  const tensors = ["@tensorflow/tfjs-core@4.22.0", "@tensorflow/tfjs-backend-cpu@4.22.0"];
  const peers = [...tensors, "onnxruntime-node@1.30.0", "sharp@0.35.5"];
  const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
  npm(consumer, "install", ...quiet, ...peers, ...tarballs.map((file) => `./${file}`));
}, 600_000);

describe("the packed packages in an empty project", () => {
  it("bring exactly one copy of tfjs-core", () => {
    const copies = readdirSync(consumer, { recursive: true, encoding: "utf8" }).filter((path) =>
      /@tensorflow[\\/]tfjs-core[\\/]package\.json$/.test(path),
    );
    expect(copies).toEqual([join("node_modules", "@tensorflow", "tfjs-core", "package.json")]);
  });

  it("load through import: every entry, nothing on stderr", () => {
    run("load.mjs", entries.map((entry) => `await import(${JSON.stringify(entry)});`).join("\n"));
  });

  it("load through require: every entry, nothing on stderr", () => {
    run("load.cjs", entries.map((entry) => `require(${JSON.stringify(entry)});`).join("\n"));
  });

  it.each(packages)("$name has a README with an example", (workspacePackage) => {
    expect(snippetsOf(workspacePackage)).not.toEqual([]);
  });

  describe.each(snippets)("$title", ({ code }) => {
    it("runs as a module", () => {
      run("snippet.mjs", compile(code, ts.ModuleKind.ESNext));
    });

    it("runs as CommonJS", () => {
      run("snippet.cjs", compile(code, ts.ModuleKind.CommonJS));
    });
  });
});
