import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../fixtures/bundle.fixture.js";
import { run } from "./run.js";

const cache = join(root, "node_modules", ".cache", "mmgen-release");

/** The Node versions beside the one that runs this. */
export const nodeVersions = ["20.20.2", "22.23.5", "24.22.3", "26.12.1"];

/** Programs and bundlers, each installed alone: none is a dependency of this repository. */
const packagesOf = {
  // Newer ones need a newer Node, and this one a node-fetch of CommonJS.
  verdaccio: { dependencies: { verdaccio: "6.8.0" }, overrides: { "node-fetch": "2.7.0" } },
  pnpm: { dependencies: { pnpm: "12.21.0" } },
  yarn: { dependencies: { "@yarnpkg/cli-dist": "4.18.1" } },
  bun: { dependencies: { bun: "1.4.5" } },
  deno: { dependencies: { deno: "2.9.6" } },
} as const;

/** A name in the list above. */
export type Tool = keyof typeof packagesOf;

/**
 * Installs a tool into the cache, unless it is there.
 *
 * @param registry - Where from.
 * @returns the tool's `node_modules`.
 */
export function installTool(tool: Tool, registry: string): Promise<string> {
  return install(tool, packagesOf[tool], registry);
}

/** Installs the official binary of a Node version; gives its path. */
export async function installNode(version: string, registry: string): Promise<string> {
  const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  const modules = await install(`node-${version}`, { dependencies: { [name]: version } }, registry);
  return join(modules, name, "bin", process.platform === "win32" ? "node.exe" : "node");
}

async function install(name: string, manifest: object, registry: string): Promise<string> {
  const text = JSON.stringify({ private: true, ...manifest });
  const folder = join(cache, `${name}-${createHash("sha256").update(text).digest("hex").slice(0, 8)}`);
  if (!existsSync(folder)) {
    const unfinished = `${folder}.${process.pid}`;
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished, { recursive: true });
    writeFileSync(join(unfinished, "package.json"), text);
    await run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: unfinished,
      env: { npm_config_registry: registry },
    });
    renameSync(unfinished, folder);
  }
  return join(folder, "node_modules");
}

/** The binary that a package of programs brings for this platform in another package: no script has linked it. */
export function binaryOf(modules: string, packageName: string, name: string): string {
  const path = join(modules, packageName, "package.json");
  const { optionalDependencies } = JSON.parse(readFileSync(path, "utf8")) as {
    optionalDependencies: Readonly<Record<string, string>>;
  };
  const file = process.platform === "win32" ? `${name}.exe` : name;
  const candidates = Object.keys(optionalDependencies).flatMap((platform) => [
    join(modules, platform, "bin", file),
    join(modules, platform, file),
  ]);
  const found = candidates.find(existsSync);
  if (found === undefined) {
    throw new Error(`${packageName} has no binary for ${process.platform}-${process.arch}.`);
  }
  return found;
}
