import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const { packages } = JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8")) as {
  packages: Record<string, { version?: string; resolved?: string; link?: boolean }>;
};
const versionsOf = (name: string) =>
  Object.entries(packages)
    .filter(([path]) => path.endsWith(`node_modules/${name}`))
    .map(([, { version }]) => version);

// Kernels, gradients and engine are shared through globalThis by copies of one version; two versions fight over them.
it.each(["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-cpu"])("the workspace installs one copy of %s", (name) => {
  expect(versionsOf(name)).toEqual(["4.22.0"]);
});

it("the lock file names no registry host, so that any mirror serves it", () => {
  const hosts = Object.values(packages).filter(({ resolved, link }) => resolved !== undefined && !link);
  expect(hosts).toEqual([]);
});
