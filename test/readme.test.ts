import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, describe, expect, it, vi } from "vitest";
import { nodeBundle, root } from "./fixtures/bundle.fixture.js";
import { environment, oneThread, preload } from "./fixtures/consumer.fixture.js";
import { listPages, listSnippets, shortened, withoutBanner } from "./fixtures/snippets.fixture.js";

// A guide trains whole models, with a few steps; with this set, as `.ci/run` does, those alone run, and in full.
const inFull = process.env.MMGEN_SNIPPETS === "full";

// Those of the packages run as users run them, installed: test/packed-consumer.test.ts.
const snippets = listPages()
  .flatMap(listSnippets)
  .filter(({ title }) => !title.startsWith("packages/"))
  .filter(({ code }) => !inFull || shortened(code) !== code);

// Inside the repository, so that Node finds the installed packages; where a snippet runs is a folder of its own.
const programs = join(root, "node_modules", ".cache", `readme-snippets-${process.pid}`);
const folder = mkdtempSync(join(tmpdir(), "mmgen-readme-"));
afterAll(() => {
  rmSync(programs, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
});

vi.setConfig({ testTimeout: 300_000 });
const env = { ...environment, ...(!inFull && { NODE_OPTIONS: preload(oneThread) }) };

describe("the snippets of READMEs and guides run", () => {
  it.each(snippets)("$title", async ({ title, code }) => {
    const { outputFiles } = await build(nodeBundle(inFull ? code : shortened(code)));
    mkdirSync(programs, { recursive: true });
    const program = join(programs, `${title.replace(/[^\w.-]/g, "_")}.mjs`);
    writeFileSync(program, outputFiles![0]!.contents);
    const cwd = mkdtempSync(join(folder, "snippet-"));
    const { status, stderr } = spawnSync(process.execPath, [program], { cwd, encoding: "utf8", env });
    expect(withoutBanner(stderr)).toBe("");
    expect(status).toBe(0);
  });
});
