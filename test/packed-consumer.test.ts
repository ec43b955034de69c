import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { listEntries, listPackages, listPrograms } from "../scripts/workspace.mjs";
import { root } from "./fixtures/bundle.fixture.js";
import { compileSnippet, environment, oneThread, packPackages, preload } from "./fixtures/consumer.fixture.js";
import { listInstallLines, listSnippets, type Snippet, withoutBanner } from "./fixtures/snippets.fixture.js";

// What `npm publish` would upload, unpacked into an empty project in pnpm's layout: a package reaches what it declares and
// nothing else. The packages of others are this repository's; `npm run check:install` installs them too, as the READMEs
// say. Needs the builds (`npm run build`, which `npm test` calls).

// A snippet trains for seconds, which are minutes on a busy machine.
vi.setConfig({ testTimeout: 300_000 });

const packages = listPackages();
const snippetsOf = ({ path }: { path: string }): Snippet[] =>
  existsSync(join(path, "README.md")) ? listSnippets(join(path, "README.md")) : [];
const snippets = packages.flatMap(snippetsOf);
const entries = packages.flatMap((workspacePackage) =>
  listEntries(workspacePackage).map(({ subpath }) => workspacePackage.name + subpath.slice(1)),
);

const consumer = mkdtempSync(join(tmpdir(), "mmgen-consumer-"));
afterAll(() => rmSync(consumer, { recursive: true, force: true }));

function run(file: string, code: string): void {
  writeFileSync(join(consumer, file), code);
  const env = { ...environment, NODE_OPTIONS: preload(oneThread) };
  const { status, stderr } = spawnSync(process.execPath, [file], { cwd: consumer, encoding: "utf8", env });
  expect(withoutBanner(stderr)).toBe("");
  expect(status).toBe(0);
}

/** Makes `name` in a folder of packages lead to `target`, where that exists. */
function link(modules: string, name: string, target: string): void {
  if (existsSync(target)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(target, join(modules, name), "junction");
  }
}

beforeAll(() => {
  const modulesOf = (folder: string) => join(consumer, ".packages", folder, "node_modules");
  const own = new Map(packages.map(({ name, folder }) => [name, join(modulesOf(folder), name)]));
  for (const { name, path } of packPackages(consumer)) {
    mkdirSync(own.get(name)!, { recursive: true });
    const { status, stderr } = spawnSync("tar", ["-xzf", path, "-C", own.get(name)!, "--strip-components=1"]);
    expect(status, String(stderr)).toBe(0);
  }
  const installed = (name: string, path = root) => {
    const nested = join(path, "node_modules", name);
    return own.get(name) ?? (existsSync(nested) ? nested : join(root, "node_modules", name));
  };
  for (const { folder, path, manifest } of packages) {
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
      link(modulesOf(folder), name, installed(name, path));
    }
  }
  const lines = packages.flatMap(({ path }) => listInstallLines(join(path, "README.md")));
  for (const name of new Set(lines.flatMap((line) => line.packages))) {
    link(join(consumer, "node_modules"), name, installed(name));
  }
  writeFileSync(join(consumer, "package.json"), '{ "name": "consumer", "private": true }');
}, 120_000);

describe("the packed packages in an empty project", () => {
  it("reach nothing that is not named in an install line", () => {
    run("strict.cjs", 'try { require("valibot"); } catch { return; } throw new Error("valibot is within reach");');
  });

  it.each(packages.map(({ name, path, manifest }) => ({ name, path, manifest })))(
    "$name declares what its types come from",
    ({ name, path, manifest }) => {
      const declared = [name, ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })];
      const files = readdirSync(join(path, "dist"), { recursive: true, encoding: "utf8" });
      const types = files.filter((file) => file.endsWith(".d.ts")).map((file) => join(path, "dist", file));
      const imported = types.flatMap((file) =>
        [...readFileSync(file, "utf8").matchAll(/(?:from|import\()\s*['"]((?:@[^/'"]+\/)?[^./'"][^/'"]*)/g)].map(
          ([, found]) => found!,
        ),
      );
      expect(types.length).toBeGreaterThan(0);
      expect([...new Set(imported)].filter((found) => !found.startsWith("node:") && !declared.includes(found))).toEqual(
        [],
      );
    },
  );

  it("load through import: every entry, nothing on stderr", () => {
    run("load.mjs", entries.map((entry) => `await import(${JSON.stringify(entry)});`).join("\n"));
  });

  it("load through require: every entry, nothing on stderr", () => {
    run("load.cjs", entries.map((entry) => `require(${JSON.stringify(entry)});`).join("\n"));
  });

  const programs = packages.flatMap((each) => listPrograms(each).map((program) => ({ ...program, package: each })));

  it.each(programs)("have $name, a program that runs by itself", ({ name, package: { manifest } }) => {
    const program = join(consumer, "node_modules", manifest.name, manifest.bin[name]);
    const runs = (...args: string[]) =>
      spawnSync(process.execPath, [program, ...args], { cwd: consumer, encoding: "utf8" });
    expect(runs("--version")).toMatchObject({ status: 0, stdout: `${manifest.version}\n`, stderr: "" });
    expect(runs("nonsense")).toMatchObject({ status: 1, stdout: "", stderr: expect.stringMatching(/^Error: .*\n$/) });
  });

  it.each(packages)("$name has a README with an example", (workspacePackage) => {
    expect(snippetsOf(workspacePackage)).not.toEqual([]);
  });

  it.each(snippets)("$title runs", ({ code }) => {
    run("snippet.mjs", compileSnippet(code, "module"));
  });
});
