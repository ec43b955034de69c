import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listEntries, listPackages } from "../scripts/workspace.mjs";
import { root } from "./fixtures/bundle.fixture.js";
import { listInstallLines, listSnippets, type Snippet, withoutBanner } from "./fixtures/snippets.fixture.js";

// What `npm publish` would upload, installed into an empty project as the READMEs' lines say and used as a stranger would.
// In npm's linked layout, as in pnpm's, a package reaches what it declares and nothing else.
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
    env: environment,
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

/** The version that the repository is tested with. */
function pinned(name: string): string {
  const { version } = JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8"));
  return `${name}@${version}`;
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
  const lines = packages.flatMap(({ path }) => listInstallLines(join(path, "README.md")));
  const ours = new Set(packages.map(({ name }) => name));
  const others = new Set(lines.flatMap(({ packages }) => packages).filter((name) => !ours.has(name)));
  const flags = new Set(lines.flatMap(({ flags }) => flags));
  const quiet = ["--no-audit", "--no-fund", "--prefer-offline", "--install-strategy=linked"];
  npm(consumer, "install", ...quiet, ...flags, ...[...others].map(pinned), ...tarballs.map((file) => `./${file}`));
}, 600_000);

describe("the packed packages in an empty project", () => {
  it("bring exactly one copy of tfjs-core", () => {
    // A package may be reached by many links.
    const paths = readdirSync(consumer, { recursive: true, encoding: "utf8" }).filter((path) =>
      /@tensorflow[\\/]tfjs-core[\\/]package\.json$/.test(path),
    );
    const copies = new Set(paths.map((path) => realpathSync(join(consumer, path))));
    expect(copies.size).toBe(1);
  });

  it("reach nothing that is not named in an install line", () => {
    run("strict.cjs", 'try { require("valibot"); } catch { return; } throw new Error("valibot is within reach");');
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
