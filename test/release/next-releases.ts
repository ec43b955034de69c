import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { listPackages } from "../../scripts/workspace.mjs";
import { isChosen } from "./choice.js";
import { managers, Project } from "./managers.js";
import { ReleaseRepository } from "./release.js";
import { run } from "./run.js";

/** A package whose dependencies within the repository are those that change here. */
const used = "@mmgen/vqvae";
const typed = [used, "@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-cpu"];

/** The version after this one. */
function nextVersion(version: string, kind: "minor" | "patch"): string {
  const [major, minor, patch] = version.split(".").map(Number) as [number, number, number];
  return kind === "minor" ? `${major}.${minor + 1}.0` : `${major}.${minor}.${patch + 1}`;
}

/** The versions of our packages that lie in a project, wherever they lie; several of one package are several entries. */
function installedIn({ path }: Project): string[] {
  return readdirSync(join(path, "node_modules"), { recursive: true, encoding: "utf8" })
    .filter((file) => /(^|[\\/]node_modules[\\/])@mmgen[\\/][^\\/]+[\\/]package\.json$/.test(file))
    .map((file) => JSON.parse(readFileSync(join(path, "node_modules", file), "utf8")))
    .map(({ name, version }: { name: string; version: string }) => `${name}@${version}`)
    .sort();
}

/** After a first release come a fix of one package, and a version of another whose range its dependents must leave. */
export function checkNextReleases(): void {
  if (!isChosen("patch")) {
    return;
  }
  describe("patch", () => {
    let repository: ReleaseRepository;
    let project: Project;
    const versions = () => new Map(listPackages(repository.path).map(({ name, manifest }) => [name, manifest.version]));
    const tagOf = (name: string, version: string) => `${name}@${version}`;

    /** Installs in a new folder, and updates the one that is there: both must end with the same. */
    async function expectInstalled(expected: readonly string[]): Promise<void> {
      await run(["npm", "update", "--prefer-online"], { cwd: project.path, env: project.env });
      const fresh = await Project.create(managers.npm, inject("published"));
      await fresh.add([...typed, "--prefer-online"]);
      for (const each of [project, fresh]) {
        expect(installedIn(each)).toEqual([...expected].sort());
        writeFileSync(join(each.path, "load.mjs"), `await import("${used}");\n`);
        await run([process.execPath, "load.mjs"], { cwd: each.path });
      }
    }

    beforeAll(async () => {
      const published = inject("published");
      repository = new ReleaseRepository(published.repository, { ...published, url: published.registry });
      project = await Project.create(managers.npm, published);
      await project.add(typed);
    });

    it("a fix of one package", async () => {
      const before = versions();
      const [core, fixed] = ["@mmgen/core", nextVersion(before.get("@mmgen/core"), "patch")];
      repository.addChangeset(core, "patch", "A fix.");
      await repository.version();
      // The ranges of its dependents take the fix in: nothing else is released.
      const { tags, folder } = await repository.publish();
      expect(tags).toEqual([tagOf(core, fixed)]);
      // A job that is run again passes over what is published.
      expect(await repository.runPublishStep(folder)).toBe(`${tagOf(core, fixed)} is published.\n`);
      expect(versions()).toEqual(new Map([...before, [core, fixed]]));
      const others = ["@mmgen/nn", used].map((name) => tagOf(name, before.get(name)));
      await expectInstalled([tagOf(core, fixed), ...others]);
    });

    it("a version that dependents must follow", async () => {
      const before = versions();
      const nn = "@mmgen/nn";
      const dependents = listPackages(repository.path)
        .filter(({ manifest }) => nn in (manifest.dependencies ?? {}))
        .map(({ name }) => name);
      expect(dependents).toContain(used);
      repository.addChangeset(nn, "minor", "A name has changed.");
      await repository.version();
      const next = new Map([
        [nn, nextVersion(before.get(nn), "minor")],
        ...dependents.map((name) => [name, nextVersion(before.get(name), "patch")] as const),
      ]);
      expect((await repository.publish()).tags).toEqual(
        [...next].map(([name, version]) => tagOf(name, version)).sort(),
      );
      for (const { name, manifest } of listPackages(repository.path).filter(({ name }) => dependents.includes(name))) {
        expect(manifest.dependencies[nn], name).toBe(`^${next.get(nn)}`);
      }
      const changelog = readFileSync(join(repository.path, "packages", "vqvae", "CHANGELOG.md"), "utf8");
      expect(changelog).toContain(
        `## ${next.get(used)}\n\n### Patch Changes\n\n- Depends on \`${nn}\` ${next.get(nn)}.\n`,
      );
      await expectInstalled([
        tagOf("@mmgen/core", before.get("@mmgen/core")),
        ...[nn, used].map((name) => tagOf(name, next.get(name)!)),
      ]);
    });
  });
}
