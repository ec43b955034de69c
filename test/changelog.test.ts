import { expect, it } from "vitest";
import { getDependencyReleaseLine, getReleaseLine } from "../scripts/changelog.mjs";

it("keeps the paragraphs and lists of a changeset within its item", async () => {
  const summary = "\nFirst release:\n\n- encode,\n- decode.\n";
  expect(await getReleaseLine({ summary })).toBe("- First release:\n\n  - encode,\n  - decode.");
});

it("names what a package depends on in one line, and is silent where nothing of it changed", async () => {
  const dependencies = [
    { name: "@mmgen/core", newVersion: "0.2.0" },
    { name: "@mmgen/nn", newVersion: "0.1.1" },
  ];
  expect(await getDependencyReleaseLine([], dependencies)).toBe("- Depends on `@mmgen/core` 0.2.0, `@mmgen/nn` 0.1.1.");
  expect(await getDependencyReleaseLine([], [])).toBe("");
});
