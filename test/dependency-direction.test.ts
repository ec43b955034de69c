import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findViolations } from "../scripts/check-dependency-direction.mjs";

const script = fileURLToPath(new URL("../scripts/check-dependency-direction.mjs", import.meta.url));

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "mmgen-arrows-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function writePackage(folder: string, files: Record<string, string>, manifest: object = {}): void {
  const all = {
    "package.json": JSON.stringify({ name: `@mmgen/${folder}`, exports: { ".": {} }, ...manifest }),
    ...files,
  };
  for (const [file, text] of Object.entries(all)) {
    const path = join(root, "packages", folder, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

const onCore = { dependencies: { "@mmgen/core": "^0.0.0" } };

describe("the lint of dependency direction", () => {
  it("passes arrows that point down, own names, builtins, declared libraries and test tools in tests", () => {
    writePackage("core", { "src/index.ts": 'import { readFile } from "node:fs/promises";' });
    writePackage(
      "nn",
      {
        "src/index.ts":
          'import "@mmgen/core"; import * as tf from "@tensorflow/tfjs-core"; import "@mmgen/nn/gradients";',
        "src/linear.test.ts": 'import "vitest"; import "./check.js"; import "@tensorflow/tfjs-backend-cpu";',
        "src/check.ts": 'import { expect } from "vitest";',
      },
      {
        ...onCore,
        peerDependencies: { "@tensorflow/tfjs-core": "^4.22.0" },
        devDependencies: { "@tensorflow/tfjs-backend-cpu": "4.22.0" },
      },
    );
    expect(findViolations(root)).toEqual([]);
  });

  it("lets the door import the engine from its node entry alone", () => {
    const manifest = {
      exports: { ".": {}, "./node": {} },
      dependencies: { "@mmgen/backend-onnx": "^0.0.0" },
    };
    writePackage("mmgen", { "src/index.ts": "", "src/node.ts": 'import "@mmgen/backend-onnx";' }, manifest);
    expect(findViolations(root)).toEqual([]);
    writePackage("mmgen", { "src/index.ts": 'import "./node.js";' }, manifest);
    expect(findViolations(root)).toEqual([
      "packages/mmgen/src/node.ts:1 only @mmgen/mmgen/node may import @mmgen/backend-onnx",
    ]);
  });

  it.each([
    ["an import upward", "core", 'import "@mmgen/nn";', "core may not import @mmgen/nn"],
    ["a type from above", "samplers", 'import type { VqVae } from "@mmgen/vqvae";', "may not import @mmgen/vqvae"],
    [
      "a model in a model",
      "vqvae",
      'export * from "@mmgen/tiny-transformer";',
      "may not import @mmgen/tiny-transformer",
    ],
    [
      "tfjs in core, as a type",
      "core",
      'import type { Tensor } from "@tensorflow/tfjs-core";',
      "@tensorflow/tfjs-core",
    ],
    ["tfjs in a typed-array package", "plots", 'await import("@tensorflow/tfjs-core");', "may not import @tensorflow"],
    ["a backend in a library", "nn", 'require("@tensorflow/tfjs-backend-cpu");', "may not import @tensorflow"],
    ["an import type", "core", 'export type A = import("@mmgen/nn").A;', "core may not import @mmgen/nn"],
    ["a path into another package", "datasets", 'import "../../core/src/errors.js";', "leaves the package"],
    ["an undeclared library", "core", 'import "lodash/fp";', "lodash is not among the package's dependencies"],
    ["a test tool in the published part", "core", 'import "vitest";', "vitest is not among"],
    ["a builtin without its prefix", "core", 'import "fs";', 'write "node:fs"'],
    ["the door in a library", "core", 'import "mmgen";', "core may not import mmgen"],
    ["plots in the door", "mmgen", 'import "@mmgen/plots";', "mmgen may not import @mmgen/plots"],
    ["a package unknown to the arrows", "newcomer", 'import "@mmgen/core";', "newcomer may not import @mmgen/core"],
  ])("catches %s, with file and line", (_, folder, source, message) => {
    writePackage(folder, { "src/index.ts": 'import "./inner.js";', "src/inner.ts": `// first line\n${source}\n` });
    const lines = findViolations(root);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(new RegExp(`^packages/${folder}/src/inner\\.ts:2 `));
    expect(lines[0]).toContain(message);
  });

  it("catches a test that imports from above, and a manifest that depends on it", () => {
    writePackage("samplers", { "src/index.ts": "", "src/x.test.ts": 'import "@mmgen/training";' }, onCore);
    writePackage("core", { "src/index.ts": "" }, { dependencies: { "@mmgen/nn": "^0.0.0" } });
    expect(findViolations(root)).toEqual([
      "packages/core/package.json: core may not depend on @mmgen/nn",
      expect.stringContaining("packages/samplers/src/x.test.ts:1 samplers may not import @mmgen/training"),
    ]);
  });

  it("fails npm run lint: its command runs the check, which prints the violation and exits with 1", () => {
    const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
    expect(manifest.scripts.lint).toContain("node scripts/check-dependency-direction.mjs");
    writePackage("core", { "src/index.ts": 'import "@mmgen/nn";' });
    const { status, stderr } = spawnSync(process.execPath, [script, root], { encoding: "utf8" });
    expect(stderr).toContain("packages/core/src/index.ts:1 core may not import @mmgen/nn");
    expect(status).toBe(1);
  });
});
