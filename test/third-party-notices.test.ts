import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { listPackages } from "../scripts/workspace.mjs";
import { root } from "./fixtures/bundle.fixture.js";

interface Manifest {
  readonly license?: string;
  readonly files?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const readJson = (path: string): Manifest => JSON.parse(readFileSync(path, "utf8"));
const notices = readFileSync(join(root, "THIRD_PARTY_NOTICES.md"), "utf8");
const table = new Map(
  [...notices.matchAll(/^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \|$/gm)].map(([, name, license]) => [name!, license!]),
);
const packages = listPackages().map(({ name, path }) => ({
  name,
  path,
  manifest: readJson(join(path, "package.json")),
}));
const used = packages.flatMap(({ path, manifest }) =>
  Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
    .filter((name) => !/^(@mmgen\/|mmgen$)/.test(name))
    .map((name) => ({ name, path })),
);

describe("the third-party notices", () => {
  it("list what npm installs with the published packages, and nothing else", () => {
    const listed = [...table.keys()].filter((name) => !name.startsWith("@mmgen/"));
    expect(listed).toEqual([...new Set(used.map(({ name }) => name))].sort());
  });

  it.each(used.filter(({ name }, i) => used.findIndex((other) => other.name === name) === i))(
    "have the license that $name states",
    ({ name, path }) => {
      const folders = [join(path, "node_modules", name), join(root, "node_modules", name)];
      const folder = folders.find((candidate) => existsSync(candidate));
      const license = folder && readJson(join(folder, "package.json")).license?.replace(/^\((.*)\)$/, "$1");
      if (license !== undefined && !license.startsWith("SEE ")) {
        expect(table.get(name)).toBe(license);
      }
    },
  );

  it("are published with the packages whose files hold something of others", () => {
    const own = packages.filter(({ path }) => existsSync(join(path, "THIRD_PARTY_NOTICES.md")));
    expect(own.map(({ name }) => name).sort()).toEqual([...table.keys()].filter((name) => name.startsWith("@mmgen/")));
    for (const { path, manifest } of own) {
      expect(manifest.files).toContain("THIRD_PARTY_NOTICES.md");
      expect(readFileSync(join(path, "THIRD_PARTY_NOTICES.md"), "utf8")).toContain("Copyright (c)");
    }
  });
});
