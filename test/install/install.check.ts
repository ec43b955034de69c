import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listEntries, listPackages } from "../../scripts/workspace.mjs";
import { root } from "../fixtures/bundle.fixture.js";
import { compileSnippet, environment, oneThread, packPackages, preload } from "../fixtures/consumer.fixture.js";
import {
  type InstallLine,
  listInstallLines,
  listPages,
  type Snippet,
  shortened,
  withoutBanner,
} from "../fixtures/snippets.fixture.js";
import { startRegistry } from "./registry.js";

/** Refuses to end with 0 where it left out an install script, as earlier versions did not. */
const pnpmVersion = "12.21.0";

const packages = new Map(listPackages().map((workspacePackage) => [workspacePackage.name, workspacePackage]));

/** Lines that are typed in several pages are one, with the snippets of all. */
const lines = new Map<string, InstallLine>();
for (const line of listPages().flatMap(listInstallLines)) {
  const { snippets } = lines.get(line.line) ?? { snippets: [] };
  lines.set(line.line, { ...line, snippets: [...snippets, ...line.snippets] });
}
// What installs none of our packages is an addition to a project that is there.
const starts = [...lines.values()].filter((line) => line.packages.some((name) => packages.has(name)));

const work = mkdtempSync(join(tmpdir(), "mmgen-install-"));
let registry: Awaited<ReturnType<typeof startRegistry>>;
let pnpm: string;

beforeAll(async () => {
  registry = await startRegistry(process.env.MMGEN_REGISTRY!, packPackages(work));
  const options = ["--yes", `--package=pnpm@${pnpmVersion}`, "--call=command -v pnpm"];
  pnpm = spawnSync("npx", options, { cwd: work, encoding: "utf8", env: environment }).stdout.trim();
  expect(pnpm).not.toBe("");
});
afterAll(() => {
  registry.close();
  rmSync(work, { recursive: true, force: true });
});

/** An empty folder behind a firewall. */
class Folder {
  readonly path = mkdtempSync(join(work, "folder-"));
  readonly #refused = `${this.path}.refused`;

  constructor(settings = "") {
    writeFileSync(join(this.path, ".npmrc"), `registry=${registry.url}\n${settings}\n`);
  }

  /** The hosts that were tried and are not the registry. */
  get refused(): string[] {
    return existsSync(this.#refused) ? [...new Set(readFileSync(this.#refused, "utf8").trim().split("\n"))] : [];
  }

  /** Runs what is typed. */
  async run(typed: string): Promise<{ status: number | null; stdout: string; stderr: string }> {
    // Nothing listens there. Node's own connections are seen to by firewall.cjs.
    const closed = "http://127.0.0.1:9";
    const local = "127.0.0.1,localhost";
    const child = spawn(typed, {
      cwd: this.path,
      shell: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...environment,
        ...{ HTTP_PROXY: closed, HTTPS_PROXY: closed, http_proxy: closed, https_proxy: closed },
        ...{ NO_PROXY: local, no_proxy: local },
        NODE_OPTIONS: [join(import.meta.dirname, "firewall.cjs"), oneThread].map(preload).join(" "),
        MMGEN_REFUSED: this.#refused,
        // The settings of who runs this are not those of a reader.
        npm_config_userconfig: join(work, "none"),
        ...{ XDG_CONFIG_HOME: join(work, "config"), XDG_CACHE_HOME: join(work, "cache") },
      },
    });
    const output = { stdout: "", stderr: "" };
    child.stdout.on("data", (data) => (output.stdout += data));
    child.stderr.on("data", (data) => (output.stderr += data));
    const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
    return { status, ...output };
  }

  /** Runs a program; what it wrote to stderr, or how it ended, where that is not in order. */
  async problemOf(file: string, code: string): Promise<string | undefined> {
    writeFileSync(join(this.path, file), code);
    const { status, stderr } = await this.run(`"${process.execPath}" ${file}`);
    return withoutBanner(stderr) || (status === 0 ? undefined : `status ${status}`);
  }

  /** What a program here can import. */
  get packages(): string[] {
    const modules = join(this.path, "node_modules");
    return readdirSync(modules)
      .filter((name) => !name.startsWith("."))
      .flatMap((name) =>
        name.startsWith("@") ? readdirSync(join(modules, name)).map((part) => `${name}/${part}`) : name,
      )
      .sort();
  }

  /** How many copies of tfjs-core were installed. A copy may be reached by many links. */
  get coreCopies(): number {
    const modules = join(this.path, "node_modules");
    const paths = readdirSync(modules, { recursive: true, encoding: "utf8" }).filter((path) =>
      /@tensorflow[\\/]tfjs-core[\\/]package\.json$/.test(path),
    );
    return new Set(paths.map((path) => realpathSync(join(modules, path)))).size;
  }
}

/** Node's script that loads every entry of our packages in a line. */
function loadEntries({ packages: names }: InstallLine): string {
  const named = names.flatMap((name) => packages.get(name) ?? []);
  return named
    .flatMap((workspacePackage) =>
      listEntries(workspacePackage).map(({ subpath }) => workspacePackage.name + subpath.slice(1)),
    )
    .map((entry) => `await import(${JSON.stringify(entry)});`)
    .join("\n");
}

/** What of a snippet is run: all of it, but little training; as a script, with npm, of a program that trains its imports. */
function programOf({ code }: Snippet, kind: "module" | "script"): string {
  if (kind === "script" && code.includes("trainInto(")) {
    return [...code.matchAll(/^(?:import|} from) .*?("[^"\n]+");$/gm)]
      .map(([, path]) => `require(${path});`)
      .join("\n");
  }
  return compileSnippet(shortened(code), kind);
}

async function install(folder: Folder, typed: string): Promise<void> {
  const { status, stdout, stderr } = await folder.run(typed);
  expect(status, `${typed}\n${stdout}${stderr}`).toBe(0);
  expect(folder.refused).toEqual([]);
}

async function problemsOf(folder: Folder, { snippets }: InstallLine, kind: "module" | "script"): Promise<string[]> {
  const problems: string[] = [];
  for (const snippet of snippets) {
    const program = programOf(snippet, kind);
    const problem = await folder.problemOf(kind === "module" ? "snippet.mjs" : "snippet.cjs", program);
    problems.push(...(problem === undefined ? [] : [`${snippet.title}: ${problem}`]));
  }
  return problems;
}

/** Once for each line that is typed. */
const typed = starts.map((line) => [line.line, line] as const);
const withPnpm = (line: string) => line.replace(/^npm/, `"${pnpm}"`);

describe("works in an empty folder behind a firewall", () => {
  it.concurrent.each(typed)("%s", async (_, line) => {
    const folder = new Folder();
    await install(folder, line.line);
    expect(folder.coreCopies).toBeLessThanOrEqual(1);
    expect(await problemsOf(folder, line, "script")).toEqual([]);
  });

  it.concurrent.each(typed)("p%s", async (_, line) => {
    const folder = new Folder();
    await install(folder, withPnpm(line.line));
    expect(folder.packages).toEqual([...line.packages].sort());
    expect(folder.coreCopies).toBeLessThanOrEqual(1);
    expect(await folder.problemOf("load.mjs", loadEntries(line))).toBeUndefined();
    expect(await problemsOf(folder, line, "module")).toEqual([]);
  });
});

// The script has something to download on this platform alone.
describe.runIf(process.platform === "linux" && process.arch === "x64")("the install script of onnxruntime-node", () => {
  const flag = /--ignore-scripts |--onnxruntime-node-install=skip /;
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const [safe] = starts
    .map(({ line }) => line)
    .filter((line) => flag.test(line))
    .sort((a, b) => a.length - b.length);
  const unsafe = safe!.replace(flag, "");

  it.concurrent("fails behind the firewall where a line does not leave it out, with npm before version 12", async () => {
    const folder = new Folder();
    const runsScripts = Number.parseInt((await folder.run("npm --version")).stdout, 10) < 12;
    const { status } = await folder.run(unsafe);
    expect({ fails: status !== 0, downloads: folder.refused.length > 0 }).toEqual({
      fails: runsScripts,
      downloads: runsScripts,
    });
  });

  it.concurrent("is left out by the setting that README.md names", async () => {
    const [, setting] = /put `(onnxruntime-node-install=[^`]+)` into `\.npmrc`/.exec(readme) ?? [];
    await install(new Folder(setting), unsafe);
  });

  it.concurrent("is left out by the variable that README.md names", async () => {
    const [, variable] = /`(ONNXRUNTIME_NODE_INSTALL=[^`]+)`/.exec(readme) ?? [];
    await install(new Folder(), `${variable} ${unsafe}`);
  });

  it.concurrent("is one that pnpm does not run unasked, which is an error in its later versions", async () => {
    const folder = new Folder();
    const { status, stdout, stderr } = await folder.run(withPnpm(unsafe));
    expect(status).not.toBe(0);
    expect(stdout + stderr).toContain("ERR_PNPM_IGNORED_BUILDS");
    expect(folder.refused).toEqual([]);
  });
});
