import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Command, run } from "./run.js";
import type { Published } from "./set-up.js";
import { binaryOf, installTool, type Tool } from "./tools.js";

/** A package manager that adds packages to an empty folder. */
export interface Manager {
  readonly id: string;
  /** Files that the folder begins with, beside package.json. */
  readonly settings: (published: Published) => Readonly<Record<string, string>>;
  readonly program: (upstream: string) => Promise<Command>;
  /** What follows the program: flags are those of the README's line for npm. */
  readonly add: (packages: readonly string[], flags: readonly string[]) => Command;
  /** What is put before a file that is run with what was installed. */
  readonly runs: (program: Command) => Command;
}

const npmrc = ({ registry }: Published) => `registry=${registry}\n`;
const scriptOf = async (tool: Tool, upstream: string, path: string): Promise<Command> => [
  process.execPath,
  join(await installTool(tool, upstream), path),
];
const binary = async (tool: Tool, upstream: string): Promise<Command> => [
  binaryOf(await installTool(tool, upstream), tool, tool),
];
const withNode = (): Command => [process.execPath];

// Managers refuse versions that are younger than a day or so, as ours are here.
export const managers = {
  npm: {
    id: "npm",
    settings: (published) => ({ ".npmrc": npmrc(published) }),
    program: async () => ["npm"],
    add: (packages, flags) => ["install", ...flags, ...packages],
    runs: withNode,
  },
  pnpm: {
    id: "pnpm",
    settings: (published) => ({
      ".npmrc": npmrc(published),
      "pnpm-workspace.yaml": `minimumReleaseAge: 0\nstoreDir: ${JSON.stringify(join(published.work, "pnpm-store"))}\n`,
    }),
    program: (upstream) => scriptOf("pnpm", upstream, join("pnpm", "bin", "pnpm.mjs")),
    add: (packages, flags) => ["add", ...flags, ...packages],
    runs: withNode,
  },
  yarn: {
    id: "yarn",
    settings: ({ registry, work }) => ({
      "yarn.lock": "",
      ".yarnrc.yml": JSON.stringify({
        nodeLinker: "pnp",
        npmRegistryServer: registry,
        unsafeHttpWhitelist: ["127.0.0.1"],
        npmMinimalAgeGate: 0,
        enableScripts: false,
        enableTelemetry: false,
        globalFolder: join(work, "yarn"),
      }),
    }),
    program: (upstream) => scriptOf("yarn", upstream, join("@yarnpkg", "cli-dist", "bin", "yarn.js")),
    add: (packages) => ["add", ...packages],
    runs: (program) => [...program, "node"],
  },
  bun: {
    id: "bun",
    settings: (published) => ({ ".npmrc": npmrc(published) }),
    program: (upstream) => binary("bun", upstream),
    add: (packages, flags) => ["add", ...flags, ...packages],
    runs: (program) => program,
  },
  deno: {
    id: "deno",
    settings: (published) => ({ ".npmrc": npmrc(published) }),
    program: (upstream) => binary("deno", upstream),
    add: (packages) => ["add", "--quiet", "--minimum-dependency-age=0", ...packages.map((name) => `npm:${name}`)],
    runs: (program) => [...program, "run", "--quiet", "--allow-all"],
  },
} satisfies Record<string, Manager>;

/** A folder into which packages were installed. */
export class Project {
  private constructor(
    readonly path: string,
    readonly manager: Manager,
    readonly program: Command,
    readonly env: Readonly<Record<string, string>>,
  ) {}

  /** An empty folder. */
  static async create(manager: Manager, published: Published): Promise<Project> {
    mkdirSync(join(published.work, "projects"), { recursive: true });
    const path = mkdtempSync(join(published.work, "projects", `${manager.id}-`));
    const files = { "package.json": '{ "name": "project", "private": true }\n', ...manager.settings(published) };
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(path, name), text);
    }
    // The settings and caches of who runs this are left alone.
    const env = {
      npm_config_userconfig: published.userConfig,
      npm_config_cache: join(published.work, "npm-cache"),
      BUN_INSTALL_CACHE_DIR: join(published.work, "bun-cache"),
      DENO_DIR: join(published.work, "deno"),
      DENO_NO_UPDATE_CHECK: "1",
      XDG_CONFIG_HOME: join(published.work, "config"),
      XDG_CACHE_HOME: join(published.work, "cache"),
    };
    return new Project(path, manager, await manager.program(published.upstream), env);
  }

  /** Installs packages. */
  async add(packages: readonly string[], flags: readonly string[] = []): Promise<void> {
    await run([...this.program, ...this.manager.add(packages, flags)], { cwd: this.path, env: this.env });
  }
}
