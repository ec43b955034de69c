import { expect, inject, it } from "vitest";
import { listPackages } from "../../scripts/workspace.mjs";
import { checkBundlers } from "./bundlers.js";
import { checkNextReleases } from "./next-releases.js";
import { checkReadmes } from "./readmes.js";

it("publishes every package under a version of its own", () => {
  const names = listPackages().map(({ name }) => name);
  const { tags } = inject("published");
  expect(tags.map((tag) => tag.slice(0, tag.lastIndexOf("@")))).toEqual(names.sort());
  expect(tags.filter((tag) => tag.endsWith("@0.0.0"))).toEqual([]);
});

checkReadmes();
checkBundlers();
checkNextReleases();
