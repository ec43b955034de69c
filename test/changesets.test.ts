import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { findMissingChangesets } from "../scripts/check-changesets.mjs";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "mmgen-changesets-"));
  git("init", "--quiet");
});
afterEach(() => rmSync(root, { recursive: true }));

function git(...options: string[]): void {
  const identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"];
  const { status, stderr } = spawnSync("git", [...identity, ...options], { cwd: root, encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function commit(): void {
  git("add", "--all");
  git("commit", "--quiet", "--message=Change");
}

function writeManifest(version: string, more: object = {}): void {
  write("packages/core/package.json", JSON.stringify({ name: "@mmgen/core", version, exports: {}, ...more }));
}

const changeset = '---\n"@mmgen/core": minor\n---\n\nSomething new.\n';

it("asks for a changeset of a package that was never released", () => {
  writeManifest("0.0.0");
  commit();
  expect(findMissingChangesets(root)).toEqual([
    "@mmgen/core was never released and no changeset names it: run `npm run changeset`",
  ]);
  write(".changeset/first.md", changeset);
  expect(findMissingChangesets(root)).toEqual([]);
});

it("asks for one after a change since the tag, committed, edited or new; not for a test", () => {
  writeManifest("0.1.0");
  write("packages/core/src/index.ts", "export {};");
  commit();
  git("tag", "@mmgen/core@0.1.0");
  expect(findMissingChangesets(root)).toEqual([]);
  write("packages/core/src/index.test.ts", "");
  commit();
  expect(findMissingChangesets(root)).toEqual([]);
  write("packages/core/src/more.ts", "");
  const expected = [expect.stringContaining("@mmgen/core changed since @mmgen/core@0.1.0")];
  expect(findMissingChangesets(root)).toEqual(expected);
  commit();
  expect(findMissingChangesets(root)).toEqual(expected);
  write(".changeset/quiet-words.md", changeset);
  expect(findMissingChangesets(root)).toEqual([]);
});

it("passes the commit of a version pull request, whose tag does not exist yet, and what a clone without tags has", () => {
  writeManifest("0.1.0");
  write("packages/core/CHANGELOG.md", "# @mmgen/core\n\n## 0.1.0\n");
  commit();
  expect(findMissingChangesets(root)).toEqual([]);
  write("packages/core/README.md", "New words.");
  commit();
  expect(findMissingChangesets(root)).toHaveLength(1);
});

it("leaves private packages alone, and refuses a changeset for a package that is not there", () => {
  writeManifest("0.0.0", { private: true });
  commit();
  expect(findMissingChangesets(root)).toEqual([]);
  write(".changeset/wrong.md", '---\n"@mmgen/coer": patch\n---\n\nTypo.\n');
  expect(findMissingChangesets(root)).toEqual([".changeset/wrong.md names @mmgen/coer, which is not a package here"]);
});
