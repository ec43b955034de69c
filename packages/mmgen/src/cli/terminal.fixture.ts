import { Writable } from "node:stream";
import { runCommandLine } from "./command-line.js";

/** What a command wrote, and how it ended. */
export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process; `onWrite` sees what it writes as it does. */
export async function runCommand(args: readonly string[], onWrite?: (text: string) => void): Promise<CommandResult> {
  const written = { stdout: "", stderr: "" };
  const stream = (name: keyof typeof written) =>
    new Writable({
      decodeStrings: false,
      write(text: string, _encoding, done) {
        written[name] += text;
        onWrite?.(text);
        done();
      },
    });
  const status = await runCommandLine(args, { stdout: stream("stdout"), stderr: stream("stderr") });
  return { status, ...written };
}
