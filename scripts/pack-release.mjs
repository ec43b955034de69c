/**
 * Packs every package whose version is not on the registry yet: `node scripts/pack-release.mjs FOLDER`.
 *
 * Writes one tarball a package and `release.json`, a list of `{ tarball, tag }`: what the job that publishes needs, so
 * that it neither installs nor builds anything. Needs the builds.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { listPackages, repositoryRoot } from "./workspace.mjs";

/**
 * The packages to publish: public ones whose version the registry does not know.
 *
 * @param {{ name: string, path: string, manifest: Record<string, any> }[]} packages
 * @param {(name: string, version: string) => boolean} isPublished
 */
export function unpublishedPackages(packages, isPublished) {
  return packages.filter(({ name, manifest }) => manifest.private !== true && !isPublished(name, manifest.version));
}

/**
 * Whether the answer of `npm view` says that a version is published.
 *
 * @param {{ status: number | null, stdout: string, stderr: string }} answer
 * @param {string} version
 * @throws an Error where npm could not tell: a registry that does not answer must not look like a new version.
 */
export function isPublishedVersion({ status, stdout, stderr }, version) {
  if (status === 0) {
    // Nothing is printed for a version that a known package lacks.
    return stdout.trim() === version;
  }
  if (/\bE404\b/.test(stderr)) {
    return false;
  }
  throw new Error(`npm view could not tell whether version ${version} is published:\n${stderr}`);
}

function npm(...options) {
  return spawnSync("npm", options, { encoding: "utf8", cwd: repositoryRoot, shell: process.platform === "win32" });
}

function main(folder) {
  if (folder === undefined) {
    throw new Error("Give the folder that the tarballs are written to.");
  }
  const target = resolve(folder);
  mkdirSync(target, { recursive: true });
  const packages = unpublishedPackages(listPackages(), (name, version) =>
    isPublishedVersion(npm("view", `${name}@${version}`, "version"), version),
  );
  const release = packages.map(({ name, path, manifest }) => {
    const { status, stdout, stderr } = npm("pack", path, "--json", "--pack-destination", target);
    if (status !== 0) {
      throw new Error(`npm pack failed for ${name}:\n${stderr}`);
    }
    // npm 12 names each tarball by its package, earlier ones list them.
    const [{ filename }] = Object.values(JSON.parse(stdout));
    return { tarball: filename, tag: `${name}@${manifest.version}` };
  });
  writeFileSync(join(target, "release.json"), `${JSON.stringify(release, undefined, 2)}\n`);
  console.log(
    release.length === 0 ? "Every version is published." : release.map(({ tag }) => `Packed ${tag}`).join("\n"),
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  main(process.argv[2]);
}
