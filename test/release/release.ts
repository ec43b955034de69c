import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listPackages } from "../../scripts/workspace.mjs";
import { root } from "../fixtures/bundle.fixture.js";
import type { Registry } from "./registry.js";
import { run } from "./run.js";

/** What `scripts/pack-release.mjs` writes of one package. */
export interface PackedRelease {
  readonly tarball: string;
  /** `@mmgen/core@0.1.0` */
  readonly tag: string;
}

/** A copy of the repository from which releases are cut, as the workflow `release.yml` cuts them. */
export class ReleaseRepository {
  constructor(
    readonly path: string,
    readonly registry: Pick<Registry, "url" | "userConfig">,
    /** The registry that dependencies come from, where the clone has its own. */
    readonly upstream?: string,
  ) {}

  /**
   * Clones what is committed.
   *
   * @param work - Folder for the clone and for the tarballs.
   * @param upstream - The registry that dependencies come from; with it the clone installs and builds everything
   *   itself, without it the builds of this checkout are taken.
   */
  static async clone(work: string, registry: Registry, upstream?: string): Promise<ReleaseRepository> {
    const path = join(work, "repository");
    await run(["git", "clone", "--quiet", "--no-local", root, path], { cwd: work });
    if (upstream === undefined) {
      for (const { folder } of listPackages()) {
        cpSync(join(root, "packages", folder, "dist"), join(path, "packages", folder, "dist"), { recursive: true });
      }
    } else {
      const env = { npm_config_registry: upstream };
      await run(["npm", "ci"], { cwd: path, env });
      await run(["npm", "run", "--silent", "build"], { cwd: path, env });
    }
    return new ReleaseRepository(path, registry, upstream);
  }

  /** The pending changesets become versions and changelogs; the lock file, where the clone installs, follows. */
  async version(): Promise<void> {
    if (this.upstream === undefined) {
      const changesets = join(root, "node_modules", "@changesets", "cli", "bin.js");
      await run([process.execPath, changesets, "version"], { cwd: this.path });
    } else {
      const surroundings = { cwd: this.path, env: { npm_config_registry: this.upstream } };
      await run(["npm", "run", "--silent", "version-packages"], surroundings);
      // Refuses a lock file that does not agree with the manifests.
      await run(["npm", "ci", "--dry-run"], surroundings);
    }
  }

  /** Adds a changeset for one package. */
  addChangeset(name: string, kind: "minor" | "patch", text: string): void {
    writeFileSync(join(this.path, ".changeset", "check.md"), `---\n"${name}": ${kind}\n---\n\n${text}\n`);
  }

  /** Runs the commands with which the workflow publishes what lies in `release` of a folder; gives what they print. */
  runPublishStep(cwd: string): Promise<string> {
    const { url, userConfig } = this.registry;
    const env = { npm_config_registry: url, npm_config_userconfig: userConfig };
    // Provenance is a signed statement of a workflow that npm knows, which this machine is not.
    const withoutProvenance = 'npm() { command npm "$@" --provenance=false; }';
    const script = `${withoutProvenance}\n${readPublishStep(this.path)}`;
    return run(["bash", "-e", "-c", script], { cwd, env });
  }

  /**
   * Packs what the registry lacks, and publishes it by the commands of the workflow.
   *
   * @returns the tags that the workflow sets, sorted, and the folder of the tarballs.
   */
  async publish(): Promise<{ tags: string[]; folder: string }> {
    const { url, userConfig } = this.registry;
    const env = { npm_config_registry: url, npm_config_userconfig: userConfig };
    mkdirSync(join(this.path, "..", "packed"), { recursive: true });
    const cwd = mkdtempSync(join(this.path, "..", "packed", "release-"));
    const pack = join(this.path, "scripts", "pack-release.mjs");
    await run([process.execPath, pack, join(cwd, "release")], { cwd: this.path, env });
    await this.runPublishStep(cwd);
    const packed: PackedRelease[] = JSON.parse(readFileSync(join(cwd, "release", "release.json"), "utf8"));
    return { tags: packed.map(({ tag }) => tag).sort(), folder: cwd };
  }
}

/** The commands with which the workflow publishes, as GitHub hands them to bash. */
export function readPublishStep(repository: string): string {
  const workflow = readFileSync(join(repository, ".github", "workflows", "release.yml"), "utf8");
  const blocks = [...workflow.matchAll(/^( *)- run: \|\n((?:\1 {4}.*\n)+)/gm)].map(([, , block]) => block!);
  const publishing = blocks.filter((block) => block.includes("npm publish"));
  if (publishing.length !== 1) {
    throw new Error(`release.yml: expected one step that runs npm publish, got ${publishing.length}.`);
  }
  return publishing[0]!;
}
