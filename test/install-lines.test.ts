import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { listPackages } from "../scripts/workspace.mjs";
import { root } from "./fixtures/bundle.fixture.js";
import { listInstallLines, listPages, listSnippets } from "./fixtures/snippets.fixture.js";

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

const packages = listPackages();
const manifestOf = (path: string) => JSON.parse(readFileSync(join(path, "package.json"), "utf8")) as Manifest;
const manifests = new Map(packages.map(({ name, path }) => [name, manifestOf(path)]));

/** The packages that a text imports, builtins left out. */
function importedPackages(code: string): string[] {
  const found = [...code.matchAll(/(?:^|[\s;])(?:from|import|import\(|require\()\s*\(?"([^"\n]+)"/g)].map(
    ([, path]) => path!,
  );
  const names = found
    .filter((path) => !path.startsWith(".") && !path.startsWith("node:") && !builtinModules.includes(path))
    .map((path) => path.split("/", path.startsWith("@") ? 2 : 1).join("/"));
  return [...new Set(names)];
}

const pages = listPages()
  .map((page) => ({ title: relative(root, page), lines: listInstallLines(page), snippets: listSnippets(page) }))
  // The examples are read in a clone.
  .filter(({ snippets, title }) => snippets.length > 0 && !title.startsWith("examples"));

describe.each(pages)("what $title says to install", ({ lines, snippets }) => {
  it("is all that its snippets import: nothing else is there with pnpm", () => {
    const installed = lines.flatMap(({ packages }) => packages);
    for (const { title, code } of snippets) {
      const missing = importedPackages(code).filter((name) => !installed.includes(name));
      expect(missing, title).toEqual([]);
    }
  });

  it("brings the peers of what it names, and runs no script that downloads from elsewhere", () => {
    for (const { flags, packages } of lines.filter(({ packages }) => packages.some((name) => manifests.has(name)))) {
      const peers = packages.flatMap((name) => {
        const { peerDependencies = {}, peerDependenciesMeta = {} } = manifests.get(name) ?? {};
        return Object.keys(peerDependencies).filter((peer) => !peerDependenciesMeta[peer]?.optional);
      });
      expect(packages).toEqual(expect.arrayContaining(peers));
      expect(flags.includes("--ignore-scripts")).toBe(packages.includes("onnxruntime-node"));
    }
  });
});

it.each(packages)("$name imports only what it declares", ({ name, path }) => {
  const { dependencies = {}, peerDependencies = {} } = manifests.get(name)!;
  const declared = [name, ...Object.keys(dependencies), ...Object.keys(peerDependencies)];
  const sources = readdirSync(join(path, "src"), { recursive: true, encoding: "utf8" }).filter(
    (file) => file.endsWith(".ts") && !/\.(test|fixture|d)\.ts$/.test(file),
  );
  const undeclared = sources.flatMap((file) => {
    // Examples in docstrings import what their reader has.
    const code = readFileSync(join(path, "src", file), "utf8").replace(/^\s*\*.*$/gm, "");
    return importedPackages(code)
      .filter((imported) => !declared.includes(imported))
      .map((imported) => `${file}: ${imported}`);
  });
  expect(undeclared).toEqual([]);
});
