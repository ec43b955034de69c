import { expect, it } from "vitest";
import { isPublishedVersion, unpublishedPackages } from "../scripts/pack-release.mjs";

const listed = (name: string, manifest: Record<string, unknown>) => ({ name, folder: name, path: name, manifest });

it("packs public packages whose version the registry lacks", () => {
  const packages = [
    listed("old", { version: "1.0.0" }),
    listed("new", { version: "1.1.0" }),
    listed("hidden", { version: "1.1.0", private: true }),
  ];
  const names = unpublishedPackages(packages, (_, version) => version === "1.0.0").map(({ name }) => name);
  expect(names).toEqual(["new"]);
});

it("takes an unknown package or version as unpublished, and no answer as a fault", () => {
  const answer = (status: number, stdout: string, stderr = "") => ({ status, stdout, stderr });
  expect(isPublishedVersion(answer(0, "1.2.0\n"), "1.2.0")).toBe(true);
  expect(isPublishedVersion(answer(0, ""), "1.2.0")).toBe(false);
  expect(isPublishedVersion(answer(1, "", "npm error code E404"), "1.2.0")).toBe(false);
  expect(() => isPublishedVersion(answer(1, "", "npm error code ETIMEDOUT"), "1.2.0")).toThrow(/ETIMEDOUT/);
});
