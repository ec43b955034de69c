import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { listEntries, listPackages, listPrograms } from "../../scripts/workspace.mjs";
import { root } from "../fixtures/bundle.fixture.js";
import { compileSnippet, oneThread, preload } from "../fixtures/consumer.fixture.js";
import { type InstallLine, listInstallLines, shortened, withoutBanner } from "../fixtures/snippets.fixture.js";
import { choice, isChosen } from "./choice.js";
import { type Environment, environments } from "./environments.js";
import { type Manager, Project } from "./managers.js";
import { attempt, type Command } from "./run.js";

const workspace = listPackages();
const isOurs = (name: string) => workspace.some((workspacePackage) => workspacePackage.name === name);

/** The README of every package, and of the repository, with its install lines and the examples after each. */
const readmes = [...workspace, { name: "README.md", path: root }]
  .filter(({ name }) => choice.packages?.includes(name) ?? true)
  .map(({ name, path }) => {
    const lines = listInstallLines(join(path, "README.md"));
    return [name, lines.filter(({ packages }) => packages.some(isOurs))] as const;
  });

/** Projects by manager and line: versions of Node share what npm installed. */
const projects = new Map<string, Promise<Project>>();

function install(manager: Manager, { line, packages, flags }: InstallLine): Promise<Project> {
  const key = `${manager.id} ${line}`;
  const made =
    projects.get(key) ??
    Project.create(manager, inject("published")).then(async (project) => {
      await project.add(packages, flags);
      return project;
    });
  projects.set(key, made);
  return made;
}

/** Programs that load every entry of our packages in a line, as modules and by `require`. */
function loaders({ packages: names }: InstallLine, manager: Manager) {
  const entries = workspace
    .filter(({ name }) => names.includes(name))
    .flatMap((entry) => listEntries(entry).map(({ subpath }) => JSON.stringify(entry.name + subpath.slice(1))));
  const programs = workspace.filter(({ name }) => names.includes(name)).flatMap(listPrograms);
  const importing = entries.map((entry) => `await import(${entry});`).join("\n");
  const requiring = entries.map((entry) => `require(${entry});`).join("\n");
  // Node 20 requires no modules, as some packages of others are, out of Yarn's archives.
  const requires = manager.id !== "yarn" || Number.parseInt(process.versions.node, 10) >= 22;
  return [
    { title: "import of every entry", file: "load.mjs", code: importing },
    ...(requires ? [{ title: "require of every entry", file: "load.cjs", code: requiring }] : []),
    ...(manager.id === "npm" ? programs.map(programStarter) : []),
  ];
}

/** A program that starts one which npm has put into the project, as `npx` does. */
function programStarter({ name }: { readonly name: string }) {
  const code = `import { execFileSync } from "node:child_process";
const version = execFileSync("node_modules/.bin/${name}", ["--version"], { encoding: "utf8" });
if (!/^\\d+\\.\\d+\\.\\d+\\n$/.test(version)) throw new Error(version);`;
  return { title: `${name} --version`, file: "program.mjs", code };
}

/** Runs a program; what it wrote to stderr, or how it ended, where that is not in order. */
async function problemOf(project: Project, command: Command, file: string, code: string): Promise<string | undefined> {
  writeFileSync(join(project.path, file), code);
  const env = { ...project.env, NODE_OPTIONS: preload(oneThread) };
  const { status, stderr } = await attempt([...command, file], { cwd: project.path, env });
  return withoutBanner(stderr) || (status === 0 ? undefined : `status ${status}`);
}

async function problemsOf({ manager, runtime }: Environment, line: InstallLine): Promise<string[]> {
  const project = await install(manager, line);
  const command = (await runtime?.(inject("published").upstream)) ?? manager.runs(project.program);
  const snippets = line.snippets.map(({ title, code }) => ({
    title,
    file: `${title.replace(/\W+/g, "-")}.mjs`,
    code: compileSnippet(shortened(code), "module"),
  }));
  const problems: string[] = [];
  for (const { title, file, code } of [...loaders(line, manager), ...snippets]) {
    const problem = await problemOf(project, command, file, code);
    problems.push(...(problem === undefined ? [] : [`${title}: ${problem}`]));
  }
  return problems;
}

/** Every README followed in every environment: install as it says, load every entry, run every example. */
export function checkReadmes(): void {
  for (const environment of environments.filter(({ id }) => isChosen(id))) {
    describe.concurrent(environment.id, () => {
      it.each(readmes)("%s", async (name, lines) => {
        expect([...lines.flatMap(({ packages }) => packages), "README.md"]).toContain(name);
        const problems: string[] = [];
        for (const line of lines) {
          problems.push(...(await problemsOf(environment, line)));
        }
        expect(problems).toEqual([]);
      });
    });
  }
}
