/**
 * Checks the site that typedoc wrote, part of `npm run docs`.
 *
 * - Every local link leads to a file of the site, and to a place that the page has.
 * - No link leads to a page's source (`.md`).
 * - The navigation and the search know every page of `docs/`, and the search its words.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { inflateSync } from "node:zlib";
import { repositoryRoot } from "./workspace.mjs";

/**
 * @param {string} site - The folder of the site.
 * @param {{ documents?: readonly string[] }} [expected] - Titles of pages that have to be found.
 * @returns {string[]} One line for each problem, the page first.
 */
export function findSiteProblems(site, { documents = [] } = {}) {
  const pages = readdirSync(site, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".html"));
  const texts = new Map(pages.map((page) => [join(site, page), readFileSync(join(site, page), "utf8")]));
  const anchors = new Map();
  const anchorsOf = (path) => {
    if (!anchors.has(path)) {
      anchors.set(path, new Set([...texts.get(path).matchAll(/\s(?:id|name)="([^"]+)"/g)].map(([, id]) => id)));
    }
    return anchors.get(path);
  };
  const problems = [];
  for (const [page, text] of texts) {
    for (const link of new Set([...text.matchAll(/\s(?:href|src)="([^"]*)"/g)].map(([, target]) => target))) {
      const problem = findLinkProblem(page, link.replaceAll("&amp;", "&"), {
        anchorsOf,
        isPage: (path) => texts.has(path),
      });
      if (problem !== undefined) {
        problems.push(`${relative(site, page)}: ${link} ${problem}`);
      }
    }
  }
  const navigation = readData(site, "navigation.js");
  const search = readData(site, "search.js");
  for (const title of documents) {
    const quoted = JSON.stringify(title);
    problems.push(
      ...(navigation.includes(`"text":${quoted}`)
        ? []
        : [`navigation: ${title} is missing; typedoc.json lists the documents`]),
    );
    problems.push(...(search.includes(`"name":${quoted}`) ? [] : [`search: ${title} is missing`]));
  }
  return problems;
}

/** What is wrong with a link; undefined where nothing is. */
function findLinkProblem(page, link, { anchorsOf, isPage }) {
  const [target, anchor] = link.split("#", 2);
  if (target.endsWith(".md") && (!/^[a-z]+:/.test(target) || target.includes("//github.com/mmgen/mmgen/"))) {
    return "leads to the source of a page";
  }
  if (/^[a-z]+:/.test(target) || link === "#") {
    return undefined;
  }
  const path = target === "" ? page : join(dirname(page), decodeURIComponent(target));
  if (!existsSync(path)) {
    return "leads nowhere";
  }
  const isKnown = !anchor || !isPage(path) || anchorsOf(path).has(decodeURIComponent(anchor));
  return isKnown ? undefined : "leads to a place that the page does not have";
}

/** What a script of typedoc's gives to its page, as JSON. */
function readData(site, name) {
  const [, encoded] = /"([^"]+)"/.exec(readFileSync(join(site, "assets", name), "utf8")) ?? [];
  return inflateSync(Buffer.from(encoded ?? "", "base64")).toString();
}

/** The first headings of the pages of `docs/`. */
function listTitles() {
  const folder = join(repositoryRoot, "docs");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".md") && name !== "README.md")
    .map((name) => /^# (.+)$/m.exec(readFileSync(join(folder, name), "utf8"))?.[1].replaceAll("`", "") ?? name);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const problems = findSiteProblems(join(repositoryRoot, "docs", "api"), { documents: listTitles() });
  for (const problem of problems) {
    console.error(problem);
  }
  process.exitCode = problems.length > 0 ? 1 : 0;
}
