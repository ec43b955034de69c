import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { choice, isChosen } from "./choice.js";
import { describeEnvironment, environments } from "./environments.js";
import { startRegistry } from "./registry.js";
import { ReleaseRepository } from "./release.js";

/** What the checks are given. */
export interface Published {
  /** Folder for all that the checks write. */
  readonly work: string;
  /** The clone from which everything was published. */
  readonly repository: string;
  readonly registry: string;
  readonly userConfig: string;
  /** The registry that npm is configured to use. */
  readonly upstream: string;
  /** Tags of what was published. */
  readonly tags: readonly string[];
  /** What each chosen environment is made of, by its id. */
  readonly versions: Readonly<Record<string, string>>;
}

declare module "vitest" {
  interface ProvidedContext {
    published: Published;
  }
}

/** Cuts a release from a clone and publishes it to a registry of this machine, once for all checks. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const upstream = process.env.MMGEN_REGISTRY!;
  const work = mkdtempSync(join(tmpdir(), "mmgen-release-"));
  const storage = join(work, "registry");
  mkdirSync(storage);
  const registry = await startRegistry(storage, upstream);
  const tearDown = async () => {
    await registry.close();
    if (choice.keep) {
      console.log(`Kept ${work}`);
    } else {
      rmSync(work, { recursive: true, force: true });
    }
  };
  try {
    const clone = await ReleaseRepository.clone(work, registry, choice.quick ? undefined : upstream);
    await clone.version();
    const { tags } = await clone.publish();
    console.log(`Published ${tags.join(", ")}`);
    const versions: Record<string, string> = {};
    for (const environment of environments.filter(({ id }) => isChosen(id))) {
      versions[environment.id] = await describeEnvironment(environment, upstream);
    }
    const { url, userConfig } = registry;
    const of = { work, repository: clone.path, registry: url, userConfig, upstream };
    project.provide("published", { ...of, tags, versions });
    return tearDown;
  } catch (error) {
    await tearDown();
    throw error;
  }
}
