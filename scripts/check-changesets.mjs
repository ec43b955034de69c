/**
 * Checks that every package changed since its last release is named by a pending changeset.
 *
 * The last release is the tag `<name>@<version>` of the version in package.json, or, where tags are not fetched or the
 * release is on its way, the last commit that touched the package's CHANGELOG.md; a package with neither was never
 * released and needs a changeset. Works offline on any clone that has the history.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { listPackages, repositoryRoot } from "./workspace.mjs";

/** Changes that reach nobody who installs the package. */
const unpublished = [":(exclude)**/*.test.ts", ":(exclude)**/bench/**", ":(exclude)**/tsconfig.json"];

/**
 * @param {string} [root] - The repository to check.
 * @returns {string[]} One line for each package without its changeset, and for each changeset of an unknown package.
 */
export function findMissingChangesets(root = repositoryRoot) {
  const git = (...options) => {
    const { status, stdout, stderr } = spawnSync("git", options, { cwd: root, encoding: "utf8" });
    if (status !== 0) {
      throw new Error(`git ${options.join(" ")} failed: ${stderr}`);
    }
    return stdout.trim();
  };
  const packages = listPackages(root).filter(({ manifest }) => !manifest.private);
  const pending = readPending(join(root, ".changeset"));
  const problems = [];
  for (const [name, file] of pending) {
    if (!packages.some((workspacePackage) => workspacePackage.name === name)) {
      problems.push(`.changeset/${file} names ${name}, which is not a package here`);
    }
  }
  for (const { name, folder, manifest } of packages) {
    const path = `packages/${folder}`;
    const tag = `${name}@${manifest.version}`;
    const release =
      git("tag", "--list", tag) || git("log", "-1", "--format=%H", "--", `${path}/CHANGELOG.md`) || undefined;
    const paths = ["--", path, ...unpublished];
    const changed =
      release === undefined ||
      git("diff", "--name-only", release, ...paths) !== "" ||
      git("ls-files", "--others", "--exclude-standard", ...paths) !== "";
    if (changed && !pending.has(name)) {
      const since = release === undefined ? "was never released" : `changed since ${release}`;
      problems.push(`${name} ${since} and no changeset names it: run \`npm run changeset\``);
    }
  }
  return problems;
}

/** Package names of the pending changesets' front matter, each with a file that names it. */
function readPending(folder) {
  const pending = new Map();
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => /^(?!README).*\.md$/.test(file)) : [];
  for (const file of files) {
    const [, frontMatter = ""] = /^---\r?\n(.*?)^---/ms.exec(readFileSync(join(folder, file), "utf8")) ?? [];
    for (const [, name] of frontMatter.matchAll(/^["']?(@?[\w./-]+)["']?\s*:\s*(?:major|minor|patch)\s*$/gm)) {
      pending.set(name, file);
    }
  }
  return pending;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const problems = findMissingChangesets(process.argv[2]);
  for (const problem of problems) {
    console.error(problem);
  }
  process.exitCode = problems.length > 0 ? 1 : 0;
}
