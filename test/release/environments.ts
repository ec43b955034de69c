import { tmpdir } from "node:os";
import { type Manager, managers } from "./managers.js";
import { attempt, type Command } from "./run.js";
import { installNode, nodeVersions } from "./tools.js";

/** A package manager and what runs the programs. */
export interface Environment {
  /** As `--only` takes it. */
  readonly id: string;
  readonly manager: Manager;
  /** What is put before the file that is run; the manager's own where absent. */
  readonly runtime?: (upstream: string) => Promise<Command>;
}

const majorOf = (version: string) => Number.parseInt(version.replace(/^v/, ""), 10);

/** Environments in which every README is followed: five managers, then what npm installs under other versions of Node. */
export const environments: readonly Environment[] = [
  ...Object.values(managers).map((manager) => ({ id: manager.id, manager })),
  ...nodeVersions
    .filter((version) => majorOf(version) !== majorOf(process.version))
    .map((version) => ({
      id: `node${majorOf(version)}`,
      manager: managers.npm,
      runtime: async (upstream: string): Promise<Command> => [await installNode(version, upstream)],
    })),
];

/** What an environment is made of, with versions: `pnpm 12.21.0, Node 20.20.2`. */
export async function describeEnvironment({ manager, runtime }: Environment, upstream: string): Promise<string> {
  const versionOf = async (command: Command) => {
    const { stdout } = await attempt([...command, "--version"], { cwd: tmpdir() });
    return /\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? "of an unknown version";
  };
  const program = await manager.program(upstream);
  const own = `${manager.id} ${await versionOf(program)}`;
  const isRuntime = manager.runs(program)[0] !== process.execPath;
  const command = (await runtime?.(upstream)) ?? [process.execPath];
  return isRuntime ? own : `${own}, Node ${await versionOf(command)}`;
}
