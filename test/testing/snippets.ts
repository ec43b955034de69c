import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { root } from "./bundle.js";

/** A ```ts block of a page. */
export interface Snippet {
  /** Page and line, `packages/core/README.md:12`. */
  readonly title: string;
  readonly code: string;
}

/** The ```ts blocks of a page, in order. */
export function listSnippets(page: string): Snippet[] {
  const text = readFileSync(page, "utf8");
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => ({
    title: `${relative(root, page)}:${text.slice(0, match.index).split("\n").length}`,
    code: match[1]!,
  }));
}

/** README.md of the root, the packages and the examples, and the pages of docs. */
export function listPages(): string[] {
  const folders = ["packages", "examples"].flatMap((parent) =>
    readdirSync(join(root, parent)).map((folder) => join(root, parent, folder)),
  );
  const readmes = [root, ...folders].flatMap((folder) =>
    readdirSync(folder).includes("README.md") ? [join(folder, "README.md")] : [],
  );
  const docs = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md") && !path.startsWith("api"))
    .map((path) => join(root, "docs", path));
  return [...readmes, ...docs];
}

/** What a program wrote to stderr, without the advertisement that tfjs's own cpu backend prints on first use in Node. */
export function withoutBanner(stderr: string): string {
  return stderr.replace(/\n*=+\nHi, looks like you are running TensorFlow\.js in Node\.js\.[^=]*=+\n*/, "");
}
