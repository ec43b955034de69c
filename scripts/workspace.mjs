import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root folder. */
export const repositoryRoot = fileURLToPath(new URL("..", import.meta.url));

/**
 * The packages under `packages/`, by folder name.
 *
 * @param {string} [root] - Another repository root, for tests.
 * @returns {{ name: string, folder: string, path: string, manifest: Record<string, any> }[]}
 */
export function listPackages(root = repositoryRoot) {
  const parent = resolve(root, "packages");
  return readdirSync(parent)
    .filter((folder) => existsSync(join(parent, folder, "package.json")))
    .sort()
    .map((folder) => {
      const path = join(parent, folder);
      const manifest = JSON.parse(readFileSync(join(path, "package.json"), "utf8"));
      return { name: manifest.name, folder, path, manifest };
    });
}

/**
 * The source file of every public entry of a package: `./node` is built from `src/node.ts`.
 *
 * @param {{ path: string, manifest: Record<string, any> }} workspacePackage
 * @returns {{ subpath: string, source: string }[]}
 */
export function listEntries({ path, manifest }) {
  return Object.keys(manifest.exports)
    .filter((subpath) => subpath !== "./package.json")
    .map((subpath) => ({ subpath, source: join(path, "src", `${subpath === "." ? "index" : subpath.slice(2)}.ts`) }));
}

/**
 * The programs that a package installs, with their source files: `dist/cli.js` is built from `src/cli.ts`.
 *
 * @param {{ path: string, manifest: Record<string, any> }} workspacePackage
 * @returns {{ name: string, file: string, source: string }[]}
 */
export function listPrograms({ path, manifest }) {
  return Object.entries(manifest.bin ?? {}).map(([name, file]) => ({
    ...{ name, file: join(path, file) },
    source: join(path, "src", basename(file).replace(/\.js$/, ".ts")),
  }));
}
