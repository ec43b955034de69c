/** Builds what changed, in the order of the dependencies; says little, but everything when it fails. */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { repositoryRoot } from "./workspace.mjs";

const started = Date.now();
process.stdout.write("Building … ");
const turbo = createRequire(import.meta.url).resolve("turbo/bin/turbo");
const options = ["--output-logs=errors-only", "--no-update-notifier", "--no-color"];
const child = spawn(process.execPath, [turbo, "run", "build", ...options, ...process.argv.slice(2)], {
  cwd: repositoryRoot,
  stdio: ["ignore", "pipe", "pipe"],
  env: { ...process.env, TURBO_TELEMETRY_DISABLED: "1" },
});
const output = [];
child.stdout.on("data", (chunk) => output.push(chunk));
child.stderr.on("data", (chunk) => output.push(chunk));
child.on("close", (status) => {
  process.exitCode = status ?? 1;
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  if (status === 0) {
    console.log(`done in ${seconds} s`);
  } else {
    console.log(`failed after ${seconds} s`);
    process.stderr.write(Buffer.concat(output));
  }
});
