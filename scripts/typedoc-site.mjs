/**
 * A plugin of typedoc that makes one site of guides and packages, for `npm run docs`.
 *
 * - Pages of documents are called by their first heading; that of a readme is left out, where the page has a title.
 * - The navigation has guides, examples and background apart from the packages.
 * - A link to a page of the repository, relative or on GitHub, leads to that page of the site; one to any other file of
 *   the repository leads to GitHub.
 */
import { basename, dirname, extname, join, relative } from "node:path";
import { Application, JSX, normalizePath, ReflectionCategory } from "typedoc";
import { listPackages, repositoryRoot } from "./workspace.mjs";

const github = "https://github.com/mmgen/mmgen";
/** Documents that explain how the libraries work, not how they are used. */
const background = ["architecture.md", "gradients.md", "kernels.md", "package-sizes.md", "CONTRIBUTING.md"];
/** Files that the site has copies of. */
const media = [".png", ".gif", ".jpg", ".svg"];

/** Categories of the navigation that are open before a reader has closed them. */
const unfolded = ["Guides", "Packages"];

/** @param {import("typedoc").Application} app */
export function load(app) {
  app.renderer.hooks.on("head.end", () =>
    JSX.createElement("script", null, JSX.createElement(JSX.Raw, { html: unfold })),
  );
  // After typedoc's own listeners, which add the documents and the readme, and group them.
  app.on(Application.EVENT_PROJECT_REVIVE, (project) => makeSite(project), -1000);
}

/** typedoc's own script remembers under these names what a reader has unfolded. */
const unfold = `try {
  for (const name of ${JSON.stringify(unfolded)}) {
    localStorage["tsd-accordion-" + name] ??= "true";
  }
} catch {}`;

/** Makes the pages of packages and documents one site. */
function makeSite(project) {
  const pages = new Map();
  const modules = listPackages().map(({ name, path }) => {
    const module = project.children.find((child) => child.name === name);
    pages.set(normalizePath(path), module).set(normalizePath(join(path, "README.md")), module);
    return module;
  });
  pages.set(normalizePath(join(repositoryRoot, "README.md")), project);
  const documents = project.documents ?? [];
  for (const document of documents) {
    document.name = headingOf(document.content) ?? document.name;
  }
  for (const { readme } of [project, ...modules]) {
    dropHeading(readme);
  }
  for (const document of documents) {
    const path = project.files.getReflectionPath(document);
    pages.set(path, document);
    if (basename(path) === "README.md") {
      pages.set(dirname(path), document);
    }
  }
  for (const [path, page] of pages) {
    project.files.registerReflectionPath(path, page);
  }
  const pathOf = (document) => project.files.getReflectionPath(document);
  const isExample = (document) => /^(apps|examples)\//.test(relative(repositoryRoot, pathOf(document)));
  const isBackground = (document) => background.includes(basename(pathOf(document)));
  project.categories = [
    category(
      "Guides",
      documents.filter((document) => !isExample(document) && !isBackground(document)),
    ),
    category("Examples", documents.filter(isExample)),
    category(
      "Packages",
      modules.sort((a, b) => Number(b.name === "mmgen") - Number(a.name === "mmgen")),
    ),
    category("Background", documents.filter(isBackground)),
  ];
  for (const parts of listTexts(project)) {
    parts.splice(0, parts.length, ...parts.flatMap((part) => linkParts({ pages, project }, part)));
  }
}

function category(title, children) {
  const made = new ReflectionCategory(title);
  made.children = children;
  return made;
}

/** The first heading of a page, without marks of code. */
function headingOf(parts) {
  const text = parts.map((part) => part.text).join("");
  return /^\s*# (.+)/.exec(text)?.[1].replaceAll("`", "");
}

/** Leaves out the first heading of a page, which is plain text. */
function dropHeading([first]) {
  first.text = first.text.replace(/^\s*# .+\n/, "");
}

/** Every list of parts of text that the project shows: readmes, documents, comments. */
function listTexts(project) {
  const texts = [];
  const visit = (reflection) => {
    texts.push(...[reflection.readme, reflection.content].filter(Array.isArray));
    if (reflection.comment) {
      texts.push(reflection.comment.summary, ...reflection.comment.blockTags.map(({ content }) => content));
    }
  };
  visit(project);
  for (const reflection of Object.values(project.reflections)) {
    visit(reflection);
  }
  return texts;
}

/** A part of a text with its links turned to where they lead on the site. */
function linkParts(site, part) {
  if (part.kind === "text") {
    return splitGithubLinks(site, part);
  }
  const { project } = site;
  const target = part.kind === "relative-link" && part.target ? project.files.resolve(part.target, project) : undefined;
  const leavesSite = typeof target === "string" && !media.includes(extname(target));
  return leavesSite ? [{ kind: "text", text: githubUrl(target, part.targetAnchor) }] : [part];
}

function githubUrl(path, anchor) {
  const kind = extname(path) === "" ? "tree" : "blob";
  return `${github}/${kind}/main/${relative(repositoryRoot, path)}${anchor ? `#${anchor}` : ""}`;
}

/** Makes links of those on GitHub that lead to pages of the site. */
function splitGithubLinks({ pages, project }, { text }) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(new RegExp(`${github}/(?:blob|tree)/main/([^\\s)#"]+)(?:#([\\w-]+))?`, "g"))) {
    const path = normalizePath(join(repositoryRoot, match[1]));
    if (pages.has(path)) {
      const { target } = project.files.registerAbsolute(path);
      parts.push({ kind: "text", text: text.slice(end, match.index) });
      parts.push({ kind: "relative-link", text: match[0], target, targetAnchor: match[2] });
      end = match.index + match[0].length;
    }
  }
  return [...parts, { kind: "text", text: text.slice(end) }];
}
