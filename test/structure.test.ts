import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findStructureProblems, limits } from "../scripts/check-structure.mjs";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "mmgen-structure-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(file: string, text = "export {};\n"): void {
  const path = join(root, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function fill(folder: string, count: number, ending = ".ts"): void {
  for (let i = 0; i < count; i++) {
    write(`${folder}/file-${i}${ending}`);
  }
}

const lines = (count: number) => "export {};\n".repeat(count);

describe("the check of the structure", () => {
  it("passes full rooms, tests and fixtures beside them, kernels, and imports that end", () => {
    write("packages/nn/src/index.ts", 'export * from "./layers/file-0.js";');
    fill("packages/nn/src/layers", limits.filesInRoom);
    fill("packages/nn/src/layers", 20, ".test.ts");
    fill("packages/nn/src/layers", 20, ".fixture.ts");
    fill("packages/backend/src/kernels", 40);
    fill("packages/backend/src/kernels/pooling", 40);
    write("packages/nn/src/layers/file-0.ts", 'import { a } from "./file-1.js"; import b from "../outside.js";');
    write("packages/nn/src/long.generated.ts", lines(400));
    write("packages/nn/dist/index.js", lines(400));
    fill("examples/pipeline/src", limits.filesInExample);
    fill("examples/pipeline/src", 3, ".test.ts");
    write("scripts/long.mjs", lines(limits.lines));
    expect(findStructureProblems(root)).toEqual([]);
  });

  it("names a room that is too full", () => {
    fill("packages/nn/src/layers", limits.filesInRoom + 1);
    expect(findStructureProblems(root)).toEqual(["packages/nn/src/layers: 16 source files; a room holds at most 15"]);
  });

  it("names a room within a room", () => {
    write("packages/nn/src/layers/norms/batch.ts");
    expect(findStructureProblems(root)).toEqual(["packages/nn/src/layers/norms: rooms are one level deep"]);
  });

  it.each([
    ["packages/nn/src/layers/long.ts"],
    ["packages/nn/src/layers/long.test.ts"],
    ["test/long.test.ts"],
    ["bench/long.mjs"],
    ["scripts/long.mjs"],
  ])("names a file that is too long: %s", (file) => {
    write(file, lines(limits.lines + 1));
    expect(findStructureProblems(root)).toEqual([`${file}: 301 lines; at most 300`]);
  });

  it.each([
    ["by value", 'import { b } from "./b.js";', 'import { a } from "./a.js";'],
    ["by type", 'import type { B } from "./b.js";', 'import type { A } from "./a.js";'],
    ["by re-export", 'export * from "./b.js";', 'export { a } from "./a.js";'],
    ["by import()", 'await import("./b.js");', 'export type A = import("./a.js").A;'],
  ])("names two files that import each other %s", (_, a, b) => {
    write("packages/nn/src/layers/a.ts", a);
    write("packages/nn/src/layers/b.ts", b);
    expect(findStructureProblems(root)).toEqual([
      "packages/nn/src/layers/a.ts: imports itself through packages/nn/src/layers/b.ts",
    ]);
  });

  it("names a circle through rooms, once, and not the files that only lead into it", () => {
    write("packages/nn/src/index.ts", 'import "./one/a.js";');
    write("packages/nn/src/one/a.ts", 'import "../two/b.js";');
    write("packages/nn/src/two/b.ts", 'import "../three/c.js";');
    write("packages/nn/src/three/c.ts", 'import "../one/a.js"; import "./d.js";');
    write("packages/nn/src/three/d.ts");
    const problems = findStructureProblems(root);
    expect(problems).toHaveLength(1);
    for (const file of ["one/a.ts", "two/b.ts", "three/c.ts"]) {
      expect(problems[0]).toContain(file);
    }
    expect(problems[0]).not.toMatch(/index|d\.ts/);
  });

  it("names an example and a harness of too many files or lines", () => {
    fill("examples/pipeline/src", limits.filesInExample + 1);
    fill("examples/harness/src", limits.filesInHarness + 1);
    write("examples/harness/src/file-0.ts", lines(290));
    write("examples/harness/src/file-1.ts", lines(290));
    write("examples/harness/src/file-2.ts", lines(290));
    write("examples/harness/src/file-3.ts", lines(290));
    expect(findStructureProblems(root)).toEqual([
      "examples/harness: 11 source files; at most 10",
      "examples/harness: 1167 lines of source; at most 900",
      "examples/pipeline: 9 source files; at most 8",
    ]);
  });
});
