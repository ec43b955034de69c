/** Builds what changed, in the order of the dependencies, and prints little but errors. */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { repositoryRoot } from "./workspace.mjs";

const turbo = createRequire(import.meta.url).resolve("turbo/bin/turbo");
const options = ["--output-logs=errors-only", "--no-update-notifier"];
const { status } = spawnSync(process.execPath, [turbo, "run", "build", ...options, ...process.argv.slice(2)], {
  cwd: repositoryRoot,
  stdio: ["ignore", "inherit", "inherit"],
  env: { ...process.env, TURBO_TELEMETRY_DISABLED: "1" },
});
process.exitCode = status ?? 1;
