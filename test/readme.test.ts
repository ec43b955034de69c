import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, describe, expect, it, vi } from "vitest";
import { nodeBundle, root } from "./fixtures/bundle.fixture.js";
import { listPages, listSnippets, shortened, trainedInstalled, withoutBanner } from "./fixtures/snippets.fixture.js";

// Those of the packages run as users run them, installed: test/packed-consumer.test.ts.
const snippets = listPages()
  .flatMap(listSnippets)
  .filter(({ title }) => !title.startsWith("packages/"));

// Inside the repository, so that Node finds the installed packages; where a snippet runs is a folder of its own.
const programs = join(root, "node_modules", ".cache", `readme-snippets-${process.pid}`);
const folder = mkdtempSync(join(tmpdir(), "mmgen-readme-"));
afterAll(() => {
  rmSync(programs, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
});

// A guide trains whole models.
vi.setConfig({ testTimeout: 300_000 });

describe("the snippets of READMEs and guides run", () => {
  it.each(snippets)("$title", async ({ title, code }) => {
    const { outputFiles } = await build(nodeBundle(title.startsWith(trainedInstalled) ? shortened(code) : code));
    mkdirSync(programs, { recursive: true });
    const program = join(programs, `${title.replace(/[^\w.-]/g, "_")}.mjs`);
    writeFileSync(program, outputFiles![0]!.contents);
    const cwd = mkdtempSync(join(folder, "snippet-"));
    const { status, stderr } = spawnSync(process.execPath, [program], { cwd, encoding: "utf8" });
    expect(withoutBanner(stderr)).toBe("");
    expect(status).toBe(0);
  });
});
