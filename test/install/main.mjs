// `npm run check:install [-t PART OF A LINE]`: every install line of the READMEs and guides, as typed, in an empty folder
// behind a firewall, with npm and with pnpm; then the snippets that follow it. Needs the npm registry, whichever npm is
// configured to use, and nothing else.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { repositoryRoot } from "../../scripts/workspace.mjs";

const options = { cwd: repositoryRoot, encoding: "utf8", shell: process.platform === "win32" };
const registry = spawnSync("npm", ["config", "get", "registry"], options).stdout.trim().replace(/\/?$/, "/");
const answers = await fetch(`${registry}valibot`, { signal: AbortSignal.timeout(20_000) }).then(
  ({ ok }) => ok,
  () => false,
);
if (answers) {
  const vitest = join(repositoryRoot, "node_modules", "vitest", "vitest.mjs");
  const args = ["run", "--config", join("test", "install", "vitest.config.ts"), ...process.argv.slice(2)];
  const env = { ...process.env, MMGEN_REGISTRY: registry };
  const { status } = spawnSync(process.execPath, [vitest, ...args], {
    ...options,
    shell: false,
    stdio: "inherit",
    env,
  });
  process.exitCode = status ?? 1;
} else {
  console.log("Skipped the check of the install lines: the npm registry does not answer.");
}
