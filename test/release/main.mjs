// `npm run check-release`: what a release would put on npm, proven on a registry of this machine. Takes a quarter of an
// hour and needs the npm registry that npm is configured to use, git and bash.
//
//   --quick            npm and this Node on three packages, from the builds that are there; the part in .ci/run
//   --only LIST        environments, comma-separated: npm, node22, pnpm, yarn, bun, deno, vite, …, patch
//   --packages LIST    packages, comma-separated: @mmgen/core, mmgen, …
//   --keep             keep the folder that all is done in, and print it
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { repositoryRoot } from "../../scripts/workspace.mjs";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    packages: { type: "string" },
    keep: { type: "boolean", default: false },
  },
});
const list = (text) => text?.split(",").map((name) => name.trim());
const choice = {
  quick: values.quick,
  only: list(values.only) ?? (values.quick ? ["npm"] : undefined),
  packages: list(values.packages) ?? (values.quick ? ["@mmgen/core", "@mmgen/samplers", "mmgen"] : undefined),
  keep: values.keep,
};
const options = { cwd: repositoryRoot, encoding: "utf8", shell: process.platform === "win32" };
const registry = spawnSync("npm", ["config", "get", "registry"], options).stdout.trim().replace(/\/?$/, "/");
const answers = await fetch(`${registry}valibot`, { signal: AbortSignal.timeout(20_000) }).then(
  ({ ok }) => ok,
  () => false,
);
if (answers) {
  const vitest = join(repositoryRoot, "node_modules", "vitest", "vitest.mjs");
  const { status } = spawnSync(
    process.execPath,
    [vitest, "run", "--config", join("test", "release", "vitest.config.ts")],
    {
      ...options,
      shell: false,
      stdio: "inherit",
      env: { ...process.env, MMGEN_REGISTRY: registry, MMGEN_RELEASE: JSON.stringify(choice) },
    },
  );
  process.exitCode = status ?? 1;
} else {
  console.log("Skipped the check of the release: the npm registry does not answer.");
}
