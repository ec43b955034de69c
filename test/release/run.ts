import { spawn } from "node:child_process";
import { environment } from "../fixtures/consumer.fixture.js";

/** A program with its arguments. */
export type Command = readonly string[];

/** What a program wrote, and how it ended. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where and with which variables, beside those of this process without npm's own, a program runs. */
export interface Surroundings {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end. */
export async function attempt([program, ...args]: Command, { cwd, env }: Surroundings): Promise<Outcome> {
  const child = spawn(program!, args, {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...environment, NO_COLOR: "1", NO_UPDATE_NOTIFIER: "1", ...env },
    shell: process.platform === "win32",
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (data) => (output.stdout += data));
  child.stderr.on("data", (data) => (output.stderr += data));
  const status = await new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  return { status, ...output };
}

/**
 * Runs a program that must succeed.
 *
 * @returns what it wrote to stdout.
 * @throws an Error with everything it wrote where it fails.
 */
export async function run(command: Command, surroundings: Surroundings): Promise<string> {
  const { status, stdout, stderr } = await attempt(command, surroundings);
  if (status !== 0) {
    throw new Error(`${command.join(" ")} ended with status ${status}:\n${stdout}${stderr}`);
  }
  return stdout;
}
